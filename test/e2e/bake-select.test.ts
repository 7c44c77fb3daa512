// `tsbuild bake --affected` and `--shard` as a pipeline uses them, on a real repository.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openWorkbench, type Workbench } from '../support/cli.ts';
import { openRepository, type TestRepository } from '../support/git-work-tree.ts';

let bench: Workbench;
let repository: TestRepository;
const targets = ['web', 'api', 'tool'];

beforeAll(() => {
  bench = openWorkbench();
  const block = (name: string, more = ''): string =>
    `target "${name}" {\n  dockerfile = "${name}/Dockerfile"\n  tags = ["select/${name}"]\n${more}}\n`;
  repository = openRepository(
    {
      'docker-bake.hcl': `group "default" {\n  targets = ${JSON.stringify(targets)}\n}\n${block('web', '  contexts = { lib = "target:lib" }\n')}${block('api')}${block('tool')}${block('lib')}`,
      '.dockerignore': '**/*.md\n',
      'lib/Dockerfile': 'FROM scratch\nCOPY lib/ /\n',
      'web/Dockerfile': 'FROM lib\nCOPY web/ /\n',
      'api/Dockerfile': 'FROM scratch\nCOPY api shared /\n',
      'tool/Dockerfile': 'FROM scratch\nCOPY tool shared /\n',
      ...Object.fromEntries(['web', 'api', 'tool', 'lib', 'shared'].map((name) => [`${name}/file`, name])),
    },
    join(bench.dir, 'repository'),
  );
});
afterAll(() => bench.dispose());

const cwd = (): { readonly cwd: string } => ({ cwd: repository.top });

interface Listed {
  readonly name: string;
  readonly reason?: string;
  readonly kind?: string;
  readonly input?: string;
}

const list = async (...args: readonly string[]): Promise<readonly Listed[]> =>
  JSON.parse((await bench.ok(['bake', ...args, '--list', 'type=targets,format=json'], cwd())).stdout) as Listed[];

describe('bake --affected', () => {
  it('lists what changed with one reason each, and nothing else', async () => {
    repository.write({ 'web/README.md': 'ignored', 'docs/x': 'read by nobody' });
    expect(await list('--affected')).toEqual([]);
    repository.write({ 'lib/file': 'changed', 'api/new': 'new' });
    expect(await list('--affected')).toEqual([
      { name: 'web', reason: 'target lib, which it has as context: lib/file changed', kind: 'target', input: 'lib' },
      { name: 'api', reason: 'api/new was added', kind: 'file', input: 'api/new' },
    ]);
    expect(await list('--affected', 'web', 'tool')).toMatchObject([{ name: 'web' }]);
    const table = await bench.ok(['bake', '--affected', '--list', 'targets', 'api'], cwd());
    expect(table.stdout).toMatch(/^TARGET +REASON\napi +api\/new was added\n$/);
  });

  it('prints and builds those alone, with the targets that they need', async () => {
    repository.restore();
    const none = await bench.ok(['bake', '--affected', '--print'], cwd());
    expect(JSON.parse(none.stdout)).toEqual({ target: {} });
    expect(none.stderr).toContain('0 of 3 targets differ from HEAD');
    repository.write({ 'web/file': 'changed' });
    const printed = JSON.parse((await bench.ok(['bake', '--affected=HEAD', '--print'], cwd())).stdout) as { group: object; target: object };
    expect(printed.group).toEqual({ default: { targets: ['web'] } });
    expect(Object.keys(printed.target)).toEqual(['lib', 'web']);
    const built = await bench.ok(['bake', '--affected', '--metadata-file', 'meta.json'], cwd());
    expect(built.stderr).toContain('  web: web/file changed\n');
    const metadata = JSON.parse(readFileSync(join(repository.top, 'meta.json'), 'utf8')) as Record<string, Record<string, unknown>>;
    expect(Object.keys(metadata).toSorted()).toEqual(['lib', 'web']);
    expect(metadata['web']?.['tsbuild.duration']).toBeGreaterThanOrEqual(0);
    expect((await bench.ok(['images'])).stdout).not.toContain('select/api');
  });

  it('knows what the triggers of base images read, also of targets that are not built yet', async () => {
    repository.restore();
    const trigger = 'FROM scratch\nCOPY Dockerfile /\nONBUILD ARG NAME=file\nONBUILD COPY shared/$NAME /\n';
    const block = (name: string, more: string): string => `target "${name}" {\n${more}\n}\n`;
    repository.write({
      'store/Dockerfile': trigger,
      'linked/Dockerfile': trigger,
      'over.Dockerfile': 'FROM base\nCOPY api/file /\n',
      'over.hcl': [
        block('linked', '  context = "linked"'),
        block('stored', '  dockerfile = "over.Dockerfile"\n  contexts = { base = "docker-image://select/trigger" }'),
        block('later', '  dockerfile = "over.Dockerfile"\n  contexts = { base = "target:linked" }'),
      ].join(''),
    });
    repository.commit();
    await bench.ok(['-q', '-t', 'select/trigger', 'store'], cwd());
    repository.write({ 'tool/file': 'changed' });
    expect(await list('-f', 'over.hcl', '--affected=HEAD', 'stored', 'later')).toEqual([]);
    repository.write({ 'shared/file': 'changed' });
    const reasons = (await list('-f', 'over.hcl', '--affected=HEAD', 'stored', 'later')).map(({ reason }) => reason);
    expect(reasons).toEqual(['shared/file changed', 'shared/file changed']);
    repository.git('reset', '--quiet', '--hard', 'HEAD~1');
  });

  it('takes a definition from stdin for one that the commit does not have', async () => {
    const stdin = readFileSync(join(repository.top, 'docker-bake.hcl'), 'utf8');
    const { stdout } = await bench.ok(['bake', '-f', '-', '--affected', '--list', 'type=targets,format=json', 'api'], { ...cwd(), stdin });
    expect(JSON.parse(stdout)).toMatchObject([{ name: 'api', kind: 'definition' }]);
  });

  it('ends with code 1 and a hint when it cannot compare', async () => {
    const unknown = await bench.run(['bake', '--affected=no-such', '--print'], cwd());
    expect(unknown).toMatchObject({ code: 1, stdout: '' });
    expect(unknown.stderr).toMatch(/bake\/unknown-ref.*"no-such" is no commit[\s\S]*hint: name a commit/);
    expect((await bench.run(['bake', '--affected=', '--print'], cwd())).code).toBe(2);
  });
});

describe('bake --shard', () => {
  it('gives each target to one part, by the durations of an earlier run', async () => {
    repository.restore();
    repository.write({
      'durations.json': JSON.stringify({
        web: { 'tsbuild.duration': 50 },
        lib: { 'tsbuild.duration': 40 },
        api: {},
        tool: { 'tsbuild.duration': 30 },
      }),
    });
    const names = async (...args: readonly string[]): Promise<string[]> => (await list(...args)).map(({ name }) => name);
    expect([
      await names('--shard', '1/2', '--durations', 'durations.json'),
      await names('--shard', '2/2', '--durations', 'durations.json'),
    ]).toEqual([['web'], ['api', 'tool']]);
    const parts = [await names('--shard', '1/3'), await names('--shard', '2/3'), await names('--shard', '3/3')];
    expect(parts.flat().toSorted()).toEqual(targets.toSorted());
    const empty = await bench.ok(['bake', '--shard', '3/3', 'web'], cwd());
    expect(empty.stderr).toContain('shard 3 of 3: 0 of 1 targets');
  });

  it.each([['0/2'], ['3/2']])('refuses %s', async (shard) => {
    expect((await bench.run(['bake', '--shard', shard, '--print'], cwd())).code).toBe(2);
  });

  it('refuses a file of durations that is missing or none', async () => {
    const missing = await bench.run(['bake', '--shard', '1/2', '--durations', 'none.json', '--print'], cwd());
    expect(missing.stderr).toMatch(/cannot read none.json \(ENOENT\)[\s\S]*hint:/);
    expect((await bench.run(['bake', '--shard', '1/2', '--durations', 'docker-bake.hcl', '--print'], cwd())).code).toBe(2);
  });
});

describe('bake --discover', () => {
  it('prints a definition that bake reads', async () => {
    repository.restore();
    const { stdout } = await bench.ok(['bake', '--discover'], cwd());
    repository.write({ 'found.hcl': stdout });
    const printed = JSON.parse((await bench.ok(['bake', '-f', 'found.hcl', '--print'], cwd())).stdout) as {
      target: Record<string, object>;
    };
    expect(printed.target['api']).toEqual({ context: '.', dockerfile: 'api/Dockerfile', tags: ['api'] });
    expect(Object.keys(printed.target)).toEqual(['api', 'lib', 'tool', 'web']);
    for (const more of [['web'], ['--print']]) expect((await bench.run(['bake', '--discover', ...more], cwd())).code).toBe(2);
  });
});
