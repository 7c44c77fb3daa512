// `tsbuild bake --watch` as a process that runs while files change.
import { type ChildProcess, spawn } from 'node:child_process';
import { renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import { buildBase, openWorkbench, TSBUILD, type Workbench } from '../support/cli.ts';

let bench: Workbench;
const running: Watching[] = [];

beforeAll(async () => {
  bench = openWorkbench();
  await buildBase(bench);
});
afterEach(async () => {
  for (const watching of running.splice(0)) await watching.interrupt();
});
afterAll(() => bench.dispose());

class Watching {
  readonly #child: ChildProcess;
  readonly #ended: Promise<number | null>;
  #text = '';
  #read = 0;
  #heard: () => void = () => undefined;

  constructor(cwd: string, args: readonly string[], command: readonly string[] = [TSBUILD]) {
    const [program = TSBUILD, ...before] = command;
    this.#child = spawn(program, [...before, '--root', bench.root, 'bake', ...args], {
      cwd,
      env: { ...process.env, TSBUILD_PROGRESS: 'plain', NO_COLOR: '1' },
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    this.#child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.#text += text;
      this.#heard();
    });
    this.#ended = new Promise((resolve) => this.#child.on('close', resolve));
    running.push(this);
  }

  /** What it said since the last call, up to and with the text that is waited for. */
  async until(text: string): Promise<string> {
    for (;;) {
      const at = this.#text.indexOf(text, this.#read);
      if (at !== -1) {
        const said = this.#text.slice(this.#read, at + text.length);
        this.#read = at + text.length;
        return said;
      }
      await Promise.race([
        new Promise<void>((resolve) => {
          this.#heard = resolve;
        }),
        this.#ended.then((code) => {
          throw new Error(`ended with ${code} before ${JSON.stringify(text)}:\n${this.#text}`);
        }),
      ]);
    }
  }

  async interrupt(): Promise<number | null> {
    this.#child.kill('SIGINT');
    return this.#ended;
  }
}

const TWO = {
  'docker-bake.hcl':
    'group "default" {\n  targets = ["a", "b"]\n}\ntarget "a" {\n  context = "a"\n}\ntarget "b" {\n  dockerfile = "b/Dockerfile"\n}\n',
  '.dockerignore': '**/*.log\n',
  'a/Dockerfile': 'FROM scratch\nCOPY f* sub /\n',
  'a/f': '1',
  'a/sub/x': '1',
  'a/other': 'not read',
  'b/Dockerfile': 'FROM scratch\nCOPY b/ /\n',
};

/** At once, as editors save: no state in between can be seen. */
function replaceFile(path: string, text: string): void {
  const draft = join(bench.dir, 'draft');
  writeFileSync(draft, text);
  renameSync(draft, path);
}

const built = (said: string): string[] => [...said.matchAll(/^(\S+) +built/gm)].map(([, name = '']) => name);

it('builds what changed, and that alone', async () => {
  const cwd = bench.context(TWO);
  const write = (name: string, text: string): void => replaceFile(join(cwd, name), text);
  const watching = new Watching(cwd, ['--watch']);
  expect(built(await watching.until('directories for changes\n'))).toEqual(['a', 'b']);
  // Nothing reads these; what comes next is the answer to the edit after them.
  write('a/other', 'x');
  write('b/x.log', 'x');
  write('unrelated', 'x');
  write('a/f', '2');
  const edited = await watching.until('directories for changes\n');
  expect(edited).toContain('changed: a (a/f)\n');
  expect(built(edited)).toEqual(['a']);
  write('b/Dockerfile', TWO['b/Dockerfile'].replace('/\n', '/new\n'));
  expect(await watching.until('directories for changes\n')).toMatch(/^changed: b \(b\/Dockerfile/m);
  write('docker-bake.hcl', TWO['docker-bake.hcl'].replace('context = "a"', 'context = "a"\n  args = { X = "1" }'));
  expect(built(await watching.until('directories for changes\n'))).toEqual(['a']);
  expect(await watching.interrupt()).toBe(130);
});

it('survives mistakes and directories that come and go', async () => {
  const cwd = bench.context(TWO);
  const watching = new Watching(cwd, ['--watch', 'a']);
  await watching.until('directories for changes\n');
  rmSync(join(cwd, 'a/sub'), { recursive: true });
  await watching.until('"/sub" not found');
  await watching.until('directories for changes\n');
  renameSync(join(cwd, 'a'), join(cwd, 'gone'));
  await watching.until('directories for changes\n');
  replaceFile(join(cwd, 'docker-bake.hcl'), 'target "a" {');
  await watching.until('error[bake/syntax]');
  renameSync(join(cwd, 'gone'), join(cwd, 'a'));
  replaceFile(join(cwd, 'docker-bake.hcl'), TWO['docker-bake.hcl']);
  replaceFile(join(cwd, 'a/sub'), 'a file now');
  await watching.until('a        built');
  await watching.until('directories for changes\n');
});

it('builds again when something is edited during a build', async () => {
  const cwd = bench.context({
    Dockerfile: 'FROM base\nCOPY f /\nRUN sleep 1; echo step-ran\n',
    f: '1',
    'docker-bake.hcl': 'target "default" {\n}\n',
  });
  const watching = new Watching(cwd, ['--watch']);
  await watching.until('RUN sleep 1');
  replaceFile(join(cwd, 'f'), '2');
  expect(await watching.until('changed: default (f)\n')).toMatch(/default +built/);
  expect(await watching.until('directories for changes\n')).toMatch(/default +built/);
});

it('does not take what it writes for an edit', async () => {
  const files = {
    Dockerfile: 'FROM scratch\nCOPY . /\n',
    f: '1',
    'docker-bake.hcl': 'target "default" {\n  output = ["type=local,dest=out"]\n}\n',
  };
  const cwd = bench.context(files);
  const watching = new Watching(cwd, ['--watch', '--metadata-file', 'meta.json']);
  expect(built(await watching.until('directories for changes\n'))).toEqual(['default']);
  replaceFile(join(cwd, 'f'), '2');
  expect(built(await watching.until('directories for changes\n'))).toEqual(['default']);
});

it('looks by itself when the kernel watches no more, and when told to', async () => {
  const cwd = bench.context(TWO);
  const limited = [
    'unshare',
    '--user',
    '--map-root-user',
    'sh',
    '-c',
    'echo 2 > /proc/sys/user/max_inotify_watches && exec "$@"',
    'sh',
    TSBUILD,
  ];
  const few = new Watching(cwd, ['--watch', 'a'], limited);
  expect(await few.until('looking for changes every second\n')).toMatch(
    /note: the kernel watches no more directories \(ENOSPC\).*fs\.inotify\.max_user_watches/,
  );
  replaceFile(join(cwd, 'a/f'), '2');
  expect(built(await few.until('looking for changes every second\n'))).toEqual(['a']);
  expect(await few.interrupt()).toBe(130);
  const told = new Watching(cwd, ['--watch=poll', 'a']);
  await told.until('looking for changes every second\n');
  replaceFile(join(cwd, 'a/f'), '3');
  expect(await told.until('looking for changes every second\n')).toContain('changed: a (a/f)\n');
});

it.each([['--print'], ['--affected'], ['--list', 'targets']])('does not go with %s', async (...flags) => {
  expect((await bench.run(['bake', '--watch', ...flags], { cwd: bench.context(TWO) })).code).toBe(2);
});
