// What targets of a bake have in common is done once: counted in the events of the build and in the
// access log of a registry. And what becomes of it when one of them fails.
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { BuildEvent } from '../../src/core/events.ts';
import { buildBase, type CliResult, openWorkbench, type Workbench } from '../support/cli.ts';
import { type FileServer, startFileServer } from '../support/file-server.ts';
import { startRegistry, type TestRegistry } from '../support/registry.ts';

let registry: TestRegistry;
let files: FileServer;
let bench: Workbench;
let base: string;
beforeAll(async () => {
  [registry, files] = await Promise.all([startRegistry(), startFileServer({ '/tool': { body: 'tool' } })]);
  base = `${registry.host}/library/base`;
  const other = openWorkbench();
  await buildBase(other);
  await other.ok(['tag', 'base', base]);
  await other.ok(['push', '-q', base]);
  other.dispose();
  bench = openWorkbench();
});
afterAll(async () => {
  bench?.dispose();
  await Promise.all([registry?.stop(), files?.close()]);
});

const events = ({ stderr }: CliResult): BuildEvent[] =>
  stderr.split('\n').flatMap((line) => (line.startsWith('{') ? [JSON.parse(line) as BuildEvent] : []));
/** Names of steps that ended, with how. */
const ended = (result: CliResult): { readonly name: string; readonly cached: boolean; readonly error?: string }[] =>
  events(result).flatMap((event) => {
    if (event.type !== 'vertex-finished') return [];
    const { vertex, cached, error } = event;
    return [{ name: vertex.name, cached, ...(error === undefined ? {} : { error }) }];
  });
const executed = (result: CliResult, text: string): string[] =>
  ended(result).flatMap(({ name, cached, error }) => (!cached && error === undefined && name.includes(text) ? [name] : []));
const bake = (cwd: string, ...args: string[]): Promise<CliResult> => bench.run(['bake', '--progress=rawjson', ...args], { cwd });
const requests = (from: number): string[] =>
  [
    ...registry
      .log()
      .slice(from)
      .matchAll(/"((?:GET|POST|PUT|PATCH) \S+) HTTP/g),
  ].map(([, request = '']) => request);
const repeated = (items: readonly string[]): string[] => items.filter((item, at) => items.indexOf(item) !== at);

describe('five targets over one directory', () => {
  const names = ['one', 'two', 'three', 'four', 'five'];
  const context = (): string =>
    bench.context({
      'src/a.txt': 'a\n',
      'src/b.md': 'b\n',
      // One of them leaves something out: it has other rules over the same directory.
      'five.Dockerfile.dockerignore': '**/*.md\n',
      ...Object.fromEntries(
        names.map((name) => [
          `${name}.Dockerfile`,
          `FROM ${base}\nRUN echo shared > /shared\nCOPY src/a.txt /a\nRUN echo ${name} > /name\nCOPY src /src\nADD ${files.url}/tool /\n`,
        ]),
      ),
      'docker-bake.json': JSON.stringify({
        group: { default: { targets: names } },
        target: Object.fromEntries(
          names.map((name) => [
            name,
            { dockerfile: `${name}.Dockerfile`, tags: [`${registry.host}/many/${name}`, `${registry.host}/many/${name}:2`] },
          ]),
        ),
      }),
    });

  it('runs each step once, pulls the base once, downloads once and uploads each blob once', async () => {
    const from = registry.log().length;
    const cwd = context();
    const result = await bake(cwd, '--push');
    expect(result.code, result.stderr).toBe(0);
    expect(executed(result, 'RUN echo shared')).toHaveLength(1);
    expect(executed(result, 'COPY src/a.txt')).toHaveLength(1);
    for (const name of names) expect(executed(result, `RUN echo ${name}`)).toHaveLength(1);
    expect(files.requests).toHaveLength(1);
    const sent = requests(from);
    expect(sent.filter((request) => request.startsWith('GET /v2/library/base/manifests/'))).toHaveLength(1);
    expect(repeated(sent.filter((request) => request.startsWith('GET /v2/library/base/blobs/')))).toEqual([]);
    const uploaded = sent.flatMap((request) => /^PUT \S+\/blobs\/uploads\/\S*digest=(sha256\S+?)(?:&|$)/.exec(request)?.[1] ?? []);
    expect(uploaded.length).toBeGreaterThan(names.length);
    expect(repeated(uploaded)).toEqual([]);
    const afterwards = registry.log().length;
    expect((await bake(cwd, '--push')).code).toBe(0);
    const asked = [
      ...registry
        .log()
        .slice(afterwards)
        .matchAll(/"([A-Z]+ \S+) HTTP/g),
    ].map(([, request = '']) => request);
    const tags = names.flatMap((name) => ['latest', '2'].map((tag) => `HEAD /v2/many/${name}/manifests/${tag}`));
    expect(asked.toSorted()).toEqual(tags.toSorted());
  });

  it('runs each step once although nothing may come from the cache', async () => {
    const result = await bake(context(), '--no-cache');
    expect(result.code, result.stderr).toBe(0);
    expect(executed(result, 'RUN echo shared')).toHaveLength(1);
    expect(executed(result, 'RUN echo')).toHaveLength(1 + names.length);
  });
});

describe('a failure', () => {
  const file = (...lines: string[]): string => `FROM ${base}\n${lines.join('\n')}\n`;
  const target = (name: string, more: object = {}): object => ({ dockerfile: `${name}.Dockerfile`, tags: [`failing/${name}`], ...more });

  it('of a shared step is that of each target, at its own place, and happens once', async () => {
    const cwd = bench.context({
      'one.Dockerfile': file('# one', 'RUN echo told; exit 7'),
      'two.Dockerfile': file('# two', '# two', 'RUN echo told; exit 7'),
      'docker-bake.json': JSON.stringify({ target: { one: target('one'), two: target('two') } }),
    });
    const result = await bake(cwd, 'one', 'two');
    expect(result.code).toBe(1);
    expect(events(result).filter((event) => event.type === 'vertex-log')).toHaveLength(1);
    expect(result.stderr).toMatch(/target one failed:[\s\S]*one\.Dockerfile:3[\s\S]*target two failed:[\s\S]*two\.Dockerfile:4/);
  });

  it('elsewhere in a target leaves a step alone that another target needs', async () => {
    const shared = `FROM ${base} AS shared\nRUN sleep 2; echo slow > /slow\n`;
    const cwd = bench.context({
      'bad.Dockerfile': `${shared}FROM ${base} AS bad\nRUN sleep 1; exit 7\nFROM shared\nCOPY --from=bad /x /\n`,
      'good.Dockerfile': `${shared}RUN echo good > /good\n`,
      'docker-bake.json': JSON.stringify({ target: { bad: target('bad'), good: target('good') } }),
    });
    const result = await bake(cwd, 'bad', 'good');
    expect(result.code).toBe(1);
    expect(executed(result, 'echo slow')).toHaveLength(1);
    expect((await bench.ok(['run', 'failing/good', 'cat', '/slow', '/good'])).stdout).toBe('slow\ngood\n');
  });

  it('for want of a secret is not that of a target that has it', async () => {
    const cwd = bench.context({
      Dockerfile: file('RUN --mount=type=secret,id=token,required=true wc -c < /run/secrets/token > /length'),
      token: 'twelve bytes',
      'docker-bake.json': JSON.stringify({
        target: { without: { tags: ['failing/without'] }, with: { secret: ['id=token,src=token'], tags: ['failing/with'] } },
      }),
    });
    const result = await bake(cwd, '-j', '1', 'without', 'with');
    expect(result.stderr).toMatch(/target without failed:[\s\S]*secret token: not found/);
    expect((await bench.ok(['run', 'failing/with', 'cat', '/length'])).stdout).toBe('12\n');
  });

  it('stops everything with --fail-fast, and only what needs it otherwise', async () => {
    const endless = file('RUN while true; do sleep 1; done');
    const cwd = bench.context({
      'bad.Dockerfile': file('RUN exit 7'),
      'endless.Dockerfile': endless,
      'docker-bake.json': JSON.stringify({ target: { bad: target('bad'), endless: target('endless') } }),
    });
    const result = await bake(cwd, '--fail-fast', 'bad', 'endless');
    expect(result.code).toBe(1);
    expect(result.stderr).toMatch(/^bad +failed/m);
    expect(result.stderr).toMatch(/^endless +skipped +.*stopped$/m);
  });
});

describe('steps run one after another', () => {
  const names = ['one', 'two', 'three'];
  const context = (weight: object): string =>
    bench.context({
      Dockerfile: `FROM ${base}\nARG NAME\nRUN echo $NAME\n`,
      'docker-bake.json': JSON.stringify({
        group: { default: { targets: names } },
        target: Object.fromEntries(names.map((name) => [name, { args: { NAME: name }, 'no-cache': true, ...weight }])),
      }),
    });
  it.each([
    ['with --max-parallelism', {}, ['--max-parallelism', '1']],
    ['with --jobs', {}, ['-j', '1']],
    ['when each needs all processors', { 'x-tsbuild': { cpus: 4096 } }, []],
    ['when each needs all memory', {}, ['--set', '*.x-tsbuild.memory=1024t']],
  ])('%s', async (_, weight, args) => {
    const result = await bake(context(weight), ...args);
    expect(result.code, result.stderr).toBe(0);
    const order = events(result).flatMap((event) => {
      if (event.type !== 'vertex-started' && event.type !== 'vertex-finished') return [];
      return event.vertex.name.includes('RUN echo') ? [{ what: event.type, id: event.vertex.id }] : [];
    });
    expect(order).toHaveLength(2 * names.length);
    for (let at = 0; at < order.length; at += 2) expect(order[at]?.id).toBe(order[at + 1]?.id);
  });

  it('and nothing is taken for a weight that is none', async () => {
    for (const [setting, message] of [
      ['x-tsbuild.gpus=1', /x-tsbuild: "gpus" is not known/],
      ['x-tsbuild.cpus=many', /cpus is a number of processors, not "many"/],
      ['x-tsbuild.memory=much', /x-tsbuild\.memory: "much" is not a size/],
    ] as const) {
      const result = await bake(context({}), '--set', `one.${setting}`);
      expect(result.code).not.toBe(0);
      expect(result.stderr).toMatch(message);
    }
  });
});

it('leaves no name of a linked target behind, even when it is killed', async () => {
  const cwd = bench.context({
    'lib.Dockerfile': `FROM ${base}\nRUN echo lib > /lib\n`,
    'app.Dockerfile': 'FROM lib\nRUN cat /lib; while true; do sleep 1; done\n',
    'docker-bake.json': JSON.stringify({
      target: {
        lib: { dockerfile: 'lib.Dockerfile', output: ['type=local,dest=out'] },
        app: { dockerfile: 'app.Dockerfile', contexts: { lib: 'target:lib' } },
      },
    }),
  });
  const killed = await bench.run(['bake', '--progress=plain', 'lib', 'app'], {
    cwd,
    onStart: (child) => {
      child.stderr?.on('data', (text: string) => /^#\d+ [\d.]+ lib$/m.test(text) && child.kill('SIGKILL'));
    },
  });
  expect(killed.signal).toBe('SIGKILL');
  expect(readdirSync(join(cwd, 'out'))).toContain('lib');
  expect((await bench.ok(['images'])).stdout).not.toContain('bake.invalid');
});
