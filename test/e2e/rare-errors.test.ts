// Problems that few people meet: each is said with its code, and the program ends without a stack.
import { mkdtempSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { INDEX_FILE } from '../../src/cache/sqlite-index.ts';
import { buildBase, type CliOptions, HOME, leftovers, openWorkbench, TSBUILD, type Workbench } from '../support/cli.ts';
import { descendantsOf } from '../support/process-tree.ts';

let bench: Workbench;
beforeAll(async () => {
  bench = openWorkbench();
  await buildBase(bench);
});
afterAll(async () => {
  await vi.waitFor(() => expect(leftovers(bench.root)).toEqual({ processes: '', mounts: '' }), { timeout: 5_000 });
  bench.dispose();
});

const context = (dockerfile: string): string => bench.context({ Dockerfile: dockerfile });

async function expectCode(code: string, args: readonly string[], options: CliOptions = {}): Promise<string> {
  const result = await bench.run(args, options);
  expect(result.stderr).toContain(`error[${code}]`);
  expect(result.stderr).not.toMatch(/\n\s+at .*\d+:\d+/);
  expect([1, 2]).toContain(result.code);
  return result.stderr;
}

/** Without the programs of this machine. */
const BARE = { env: { PATH: '/nowhere' } };

describe('names of things that are not there', () => {
  test.each([
    ['build/no-such-image', ['rmi', 'nowhere'], 'no image "nowhere" in the store'],
    ['build/no-such-cache', ['cache', 'rm', 'nowhere'], 'no cache mount "nowhere"'],
  ] as const)('%s', async (code, args, text) => {
    expect(await expectCode(code, args)).toContain(text);
  });

  test('build/cache-transfer suggests the id', async () => {
    const dir = context('FROM base\nRUN --mount=type=cache,id=packages,target=/c true\n');
    const text = await expectCode('build/cache-transfer', ['--cache-mount-export', `id=package,dest=${join(bench.dir, 'out')}`, dir]);
    expect(text).toContain('did you mean packages?');
  });
});

describe('outputs', () => {
  test('build/output', async () => {
    const name = `x@sha256:${'0'.repeat(64)}`;
    expect(await expectCode('build/output', ['-t', name, context('FROM scratch\nLABEL a=b\n')])).toContain('cannot be named by digest');
  });

  test('build/no-load-target', async () => {
    const text = await expectCode('build/no-load-target', ['--load', '-t', 'x', context('FROM scratch\nLABEL a=b\n')], BARE);
    expect(text).toContain('neither docker nor podman answers');
  });

  test('build/output, in the words of the engine that loads the image', async () => {
    const tools = mkdtempSync(join(bench.dir, 'tools-'));
    writeFileSync(join(tools, 'docker'), '#!/bin/sh\n[ "$1" = version ] || { echo no space left >&2; exit 1; }\n', { mode: 0o755 });
    const args = ['--load', '-t', 'x', context('FROM scratch\nLABEL a=b\n')];
    expect(await expectCode('build/output', args, { env: { PATH: `${tools}:/bin:/usr/bin` } })).toContain(
      'docker load failed: no space left\n',
    );
  });
});

describe('inputs', () => {
  test('context/dockerfile-too-large', async () => {
    await expectCode('context/dockerfile-too-large', [bench.context({ Dockerfile: '#'.repeat((16 << 20) + 1) })]);
  });

  test('context/no-decompressor', async () => {
    const xz = Buffer.from('fd377a585a000004e6d6b446', 'hex');
    expect(await expectCode('context/no-decompressor', ['-'], { ...BARE, stdin: xz })).toContain('Install xz');
  });
});

describe('a store', () => {
  // Waits as long as the program does: ten seconds.
  test('store/index-busy: another process writes for too long', async () => {
    const other = new DatabaseSync(join(bench.root, INDEX_FILE));
    other.exec('BEGIN IMMEDIATE');
    try {
      expect(await expectCode('store/index-busy', ['-t', 'busy', context('FROM scratch\nLABEL a=busy\n')])).toContain('for more than 10 s');
    } finally {
      other.close();
    }
  });
});

describe('a command that has nothing left to wait for', () => {
  test('has failed, and says so', async () => {
    const deaf = `const { EventEmitter } = process.getBuiltinModule('node:events');
      process.getBuiltinModule('node:http').request = () => Object.assign(new EventEmitter(), { setTimeout() {}, end() {} });`;
    const result = await bench.run([context('FROM scratch\nADD http://127.0.0.1:1/file /\n')], {
      command: [process.execPath, '--import', `data:text/javascript,${encodeURIComponent(deaf)}`, join(HOME, 'src/cli/main.ts')],
    });
    expect(result.stderr).toContain('internal error: the command waits for something that will never come');
    expect(result.code).toBe(1);
  });
});

describe('steps', () => {
  test('build/out-of-memory', async () => {
    const text = await expectCode('build/out-of-memory', ['--memory', '16m', context('FROM base\nRUN tail /dev/zero\n')]);
    expect(text).toContain('give the step more memory');
  });

  test('exec/link-loop', async () => {
    const dir = context('FROM base\nRUN ln -s /b /a && ln -s /a /b\nRUN --mount=type=tmpfs,target=/a/x true\n');
    expect(await expectCode('exec/link-loop', [dir])).toContain('too many symbolic links');
  });

  test('build/cache-in-use, and exec/executor-died when something kills the executor', async () => {
    const dir = context('FROM base\nRUN --mount=type=cache,id=busy,target=/c echo started; sleep 60\n');
    let killed = false;
    const { promise: started, resolve: start } = Promise.withResolvers<number>();
    const build = bench.run([dir], {
      onStart: (child) => child.stderr?.on('data', (data: Buffer) => /\d started/.test(data.toString()) && start(child.pid ?? 0)),
    });
    const pid = await started;
    try {
      expect(await expectCode('build/cache-in-use', ['cache', 'rm', 'busy'])).toContain('try again when the build has ended');
    } finally {
      // The program's only child that is Node, or what started it.
      const executors = descendantsOf(pid).filter(({ parent }) => parent === pid);
      for (const { pid: executor } of executors) killed = process.kill(executor, 'SIGKILL') || killed;
    }
    const { code, stderr } = await build;
    expect([killed, code]).toEqual([true, 1]);
    expect(stderr).toContain('error[exec/executor-died]');
  });
});

describe('what the machine lacks', () => {
  /** Runs the program where `prepare`, a script, has changed the machine. */
  const where = (prepare: string, ...unshare: readonly string[]): readonly string[] => [
    ...['unshare', ...unshare, 'sh', '-c', `${prepare}; exec "$@"`, 'sh', TSBUILD],
  ];
  const hide = (program: string): string =>
    `for p in $(command -v ${program}); do mount --bind /dev/null "$(readlink -f "$p")" || exit 9; done`;

  test('exec/no-unshare', async () => {
    const command = where(hide('unshare'), '--mount');
    await expectCode('exec/no-unshare', ['--isolation=rootless', context('FROM base\nRUN echo no unshare\n')], { command });
  });

  test('exec/no-user-namespace', async () => {
    const command = where('echo 0 > /proc/sys/user/max_user_namespaces', '--user', '--map-root-user');
    const text = await expectCode('exec/no-user-namespace', ['--isolation=rootless', context('FROM base\nRUN echo no namespace\n')], {
      command,
    });
    expect(text).toContain('or run tsbuild as root');
  });

  test('exec/cache-seed', async () => {
    const dir = context(
      'FROM base AS seed\nRUN mkdir /s && echo a > /s/a\nFROM base\nRUN --mount=type=cache,from=seed,source=/s,target=/c true\n',
    );
    expect(await expectCode('exec/cache-seed', [dir], { command: where(hide('cp'), '--mount') })).toContain('cache mount at /c');
  });

  test('exec/no-overlay', async () => {
    const command = where(hide('fuse-overlayfs'), '--mount');
    const text = await expectCode('exec/no-overlay', ['--isolation=fuse', context('FROM base\nRUN echo no overlay\n')], { command });
    expect(text).toContain('fuse-overlayfs is not installed');
  });
});
