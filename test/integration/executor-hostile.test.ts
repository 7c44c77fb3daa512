// Attacks on the executor that fail, by the classes of docs/security.md: races around mounts, names that
// smuggle options, terminals with fewer limits, secrets beside the step, a runtime that is overwritten.
import { execFileSync } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmdirSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Executor } from '../../src/executor/executor.ts';
import { findRuntime } from '../../src/executor/sandbox/runtime.ts';
import { startExecutor } from '../../src/executor/start-executor.ts';
import type { Mount } from '../../src/graph/op.ts';
import { whyNoSteps } from '../support/busybox-root.ts';
import { openStepBench, type StepBench } from '../support/step-bench.ts';
import { stepRequest, stepRunner } from '../support/step-runner.ts';

type Cache = Extract<Mount, { type: 'cache' }>;
const cache = (over: Partial<Cache> = {}): Mount => ({
  ...{ type: 'cache', id: 'race', target: '/c', sharing: 'shared', readonly: false, source: '', mode: 0o755, uid: 0, gid: 0 },
  ...over,
});

describe.skipIf(whyNoSteps())('hostile steps and images', () => {
  let bench: StepBench;
  let store: StepBench['store'];
  let run: StepBench['run'];

  beforeAll(async () => {
    bench = await openStepBench();
    ({ store, run } = bench);
    mkdirSync(join(store.root, 'sentinel'));
    writeFileSync(join(store.root, 'sentinel/host-file'), 'host');
  });
  afterAll(() => bench?.close());

  const codeOf = (promise: Promise<unknown>): Promise<unknown> =>
    promise.then(
      (value) => value,
      (error: unknown) => (error as { code?: unknown }).code,
    );

  /** What an image can have where files of the step are mounted; `made` plants it in a layer. */
  const PLANTED: readonly (readonly [string, (etc: string, sentinel: string) => void, string | null])[] = [
    ['a link to the host', (etc, sentinel) => symlinkSync(join(sentinel, 'host-file'), join(etc, 'hosts')), null],
    ['links that climb', (etc, sentinel) => symlinkSync(`../../../../../../../..${sentinel}/host-file`, join(etc, 'hosts')), null],
    ['a link that leads nowhere', (etc) => symlinkSync('/not/here/hosts', join(etc, 'hosts')), null],
    ['a link into /proc', (etc) => symlinkSync('/proc/1/root/etc/passwd', join(etc, 'resolv.conf')), 'exec/mount-target'],
    ['a link to a descriptor', (etc) => symlinkSync('/proc/self/fd/3', join(etc, 'hosts')), 'exec/mount-target'],
    ['links in a circle', (etc) => symlinkSync('hosts', join(etc, 'hosts')), 'exec/link-loop'],
    ['a pipe and a device', (etc) => execFileSync('sh', ['-c', 'mkfifo "$1/hosts"; mknod "$1/resolv.conf" c 1 1', 'sh', etc]), null],
  ];
  const MODES = ['root', 'copy', 'fuse', 'chroot'] as const;

  describe.each(MODES)('an image with something else in place of /etc/hosts and /etc/resolv.conf, %s (class 11)', (mode) => {
    let own: Executor;
    beforeAll(async () => {
      own = await startExecutor({ root: store.root, isolation: mode, notice: () => {} });
    });
    afterAll(() => own?.close());

    test.each(PLANTED)('%s', async (_name, plant, code) => {
      const id = `planted${randomBytes(6).toString('hex')}`;
      const etc = join(store.addSnapshot(id, { 'etc/keep': '' }), 'etc');
      plant(etc, join(store.root, 'sentinel'));
      const script = `cat /etc/hosts; head -c 10 /etc/resolv.conf >/dev/null; echo pwned > /etc/hosts; cat ${store.root}/sentinel/host-file`;
      const outcome = stepRunner(own, id)({ script }, { root: ['base', id] });
      if (code !== null) expect(await codeOf(outcome)).toBe(code);
      else expect((await outcome).stdout).toContain('127.0.0.1\tlocalhost');
      expect(readFileSync(join(store.root, 'sentinel/host-file'), 'utf8')).toBe('host');
    });
  });

  describe.each(MODES)('sources of mounts that lead out, %s (class 5)', (mode) => {
    let own: Executor;
    beforeAll(async () => {
      own = await startExecutor({ root: store.root, isolation: mode, notice: () => {} });
    });
    afterAll(() => own?.close());

    test.each(['stack', 'directory'] as const)('of a %s', async (type) => {
      const id = `leading${randomBytes(6).toString('hex')}`;
      const tree = store.addSnapshot(id, { 'dir/keep': '', file: 'own' });
      const host = join(store.root, 'sentinel');
      symlinkSync(host, join(tree, 'out'));
      symlinkSync(`../../../../../../../../../..${host}`, join(tree, 'dir/climb'));
      symlinkSync(`/proc/1/root${host}`, join(tree, 'magic'));
      symlinkSync(`/proc/self/cwd/../../..${host}`, join(tree, 'cwd'));
      const source = type === 'stack' ? ({ type, stack: [id] } as const) : ({ type, path: tree } as const);
      const mounted = async (path: string) => {
        const mounts: Mount[] = [{ type: 'bind', input: 1, source: path, target: '/m', readonly: true }];
        const step = stepRunner(own, `${id}-${randomBytes(4).toString('hex')}`);
        const outcome = await codeOf(step({ script: 'cat /m /m/host-file 2>/dev/null', mounts }, { sources: { 1: source } }));
        return typeof outcome === 'object' ? (outcome as { stdout: string }).stdout : outcome;
      };
      expect(await mounted('/file')).toBe('own');
      const ways = ['out', '/out/host-file', 'dir/climb/host-file', 'magic', 'cwd', `${host}/host-file`, `../../..${host}`];
      for (const path of ways) expect([path, await mounted(path)]).toEqual([path, 'exec/mount-source']);
    });
  });

  describe.each(['root', 'copy', 'fuse'] as const)('devices of the machine, %s', (mode) => {
    let own: Executor;
    beforeAll(async () => {
      own = await startExecutor({ root: store.root, isolation: mode, notice: () => {} });
    });
    afterAll(() => own?.close());
    const opened = (op: Parameters<typeof stepRequest>[1], request?: Parameters<typeof stepRequest>[2]) =>
      stepRunner(own, `devices${randomBytes(6).toString('hex')}`)(op, request);
    const make = 'mknod /b b 7 0; mknod /k c 1 1; mknod /n c 1 3; for d in /b /k /n; do (: <>$d) 2>&1 && echo open; done | sed "s/.*: //"';
    const REFUSED = 'Operation not permitted\nOperation not permitted\nopen\n';

    test('a step can make nodes of all, and open only harmless ones', async () => {
      const { stdout, snapshot } = await opened({ script: `${make}; rm /n` });
      expect(stdout).toBe(REFUSED);
      const node = statSync(join(store.root, 'snapshots-v1', snapshot, 'fs/b'));
      expect([node.isBlockDevice(), node.rdev]).toEqual([true, 7 << 8]);
    });

    test('nor those of the image, of a bind or of a cache, nor with a limit or a terminal', async () => {
      const id = `nodes${randomBytes(6).toString('hex')}`;
      const tree = store.addSnapshot(id, { file: '' });
      execFileSync('mknod', [join(tree, 'disk'), 'b', '7', '0']);
      const mounts: Mount[] = [{ type: 'bind', input: 1, source: '/', target: '/m', readonly: true }, cache({ id })];
      const script = 'mknod /c/k b 7 0; for d in /disk /m/disk /c/k; do (: <>$d) 2>&1; done | sed "s/.*: //"; rm /c/k';
      const { stdout } = await opened({ script, mounts }, { root: ['base', id], sources: { 1: { type: 'stack', stack: [id] } } });
      expect(stdout).toBe('Operation not permitted\n'.repeat(3));
      expect((await opened({ script: make }, { memory: 2 ** 26, cpus: 1 })).stdout).toBe(REFUSED);
      expect((await opened({ script: make }, { terminal: { columns: 80, rows: 24 } })).stdout.replaceAll('\r', '')).toBe(REFUSED);
    });

    test('a step that may do all opens all', async () => {
      // What there is on this machine behind the nodes does not matter.
      expect((await opened({ script: make, security: 'insecure' })).stdout).not.toContain('not permitted');
      expect((await opened({ script: make })).stdout).toBe(REFUSED);
    });
  });

  test('a sub-path of a cache that turns into a link while it is mounted (class 3)', async () => {
    await run({ script: 'mkdir /c/sub; echo inside > /c/sub/f', mounts: [cache()] });
    const base = join(store.root, 'cache-mounts-v1');
    const directory = readdirSync(base)
      .map((name) => join(base, name, '0'))
      .find((path) => readdirSync(path).includes('sub')) as string;
    symlinkSync(join(store.root, 'sentinel'), join(directory, 'link'));
    let running = true;
    // What a step beside it could do, only faster.
    const swapping = (async () => {
      while (running) {
        for (const [from, to] of [
          ['sub', 'kept'],
          ['link', 'sub'],
          ['sub', 'link'],
          ['kept', 'sub'],
        ] as const)
          tryTo(() => renameSync(join(directory, from), join(directory, to)));
        // A step that came in between made it anew.
        tryTo(() => rmdirSync(join(directory, 'sub')));
        await new Promise(setImmediate);
      }
    })();
    const seen = new Set<unknown>();
    try {
      for (let round = 0; round < 25; round += 1) {
        const outcome = await codeOf(run({ script: 'cat /c/f; ls /c', mounts: [cache({ source: 'sub' })] }));
        seen.add(typeof outcome === 'object' ? (outcome as { stdout: string }).stdout : outcome);
      }
    } finally {
      running = false;
      await swapping;
    }
    expect(seen).toContain('inside\nf\n');
    // A directory that is gone cannot be mounted; nothing else of the machine may show.
    for (const value of seen) expect(['exec/runtime-failed', 'inside\nf\n', '', 'exec/mount-source']).toContain(value);
  });

  test.each(['..', '../..', 'a/../../..', '/..', './../cache-mounts-v1'])(
    'cache source %s stays in the cache (class 4)',
    async (source) => {
      const outcome = await codeOf(run({ script: 'ls -A /c', mounts: [cache({ id: `climb ${source}`, source })] }));
      expect(typeof outcome === 'object' ? (outcome as { stdout: string }).stdout : outcome).toMatch(/^$|^exec\/mount-source$/);
    },
  );

  test.each(['/m,upperdir=x', '/m:/etc', '/m\nbind', '/m\\,rw', '/m"},{"destination":"/evil', '/m,suid,dev,exec'])(
    'a target is a name, whatever it holds (class 6): %j',
    async (target) => {
      store.addSnapshot('plain', { file: 'content' });
      const sources = { 1: { type: 'stack', stack: ['plain'] } } as const;
      const mount: Mount = { type: 'bind', input: 1, source: '/', target, readonly: true };
      const script = 'cat "$0/file"; echo x > "$0/new" || echo read-only; ls -d /evil /etc/file';
      const { stdout } = await run({ args: ['/bin/sh', '-c', script, target], mounts: [mount] }, { sources });
      expect(stdout).toBe('contentread-only\n');
    },
  );

  test('a program with input, or of an unknown security mode, has the limits of every step (class 7)', async () => {
    const script = 'grep -E "^(CapEff|CapBnd|Seccomp:)" /proc/self/status; unshare -m true || echo refused';
    const plain = await run({ script });
    expect(plain.stdout).toMatch(/Seccomp:\s+2\n/);
    expect(plain.stdout).toMatch(/refused\n$/);
    expect((await run({ script }, { stdin: true })).stdout).toBe(plain.stdout);
    const terminal = await run({ script }, { terminal: { columns: 80, rows: 24 } });
    expect(terminal.stdout.replaceAll('\r', '')).toContain(plain.stdout.replace(/refused\n$/, ''));
    expect((await run({ script, security: 'Insecure' as 'sandbox' })).stdout).toBe(plain.stdout);
  });

  test('/proc and /dev are the real ones, whatever the image has there (class 11)', async () => {
    store.addSnapshot('fakes', { 'dev/null': 'fake', 'dev/zero': '->/etc/passwd', 'proc/version': 'fake', 'proc/kcore': '->/etc/passwd' });
    const script = 'stat -f -c %t /proc; stat -c "%t:%T" /dev/null /dev/zero; head -c 5 /proc/version';
    expect((await run({ script }, { root: ['base', 'fakes'] })).stdout).toBe('9fa0\n1:3\n1:5\nLinux');
  });

  test('what of /proc can be written is mounted as in Docker, and speaks of the namespaces of the step', async () => {
    const script =
      'cat /proc/self/mountinfo; echo evil > /proc/sys/kernel/hostname; cat /proc/sys/kernel/hostname; ls /proc/sys/net/ipv4/conf';
    const { stdout, stderr } = await run({ script, hostname: 'step' });
    const shown = [...stdout.matchAll(/ (\/proc\/(?:bus|fs|irq|sys|sysrq-trigger)) (\S+) /g)].map(([, path, flags]) => `${path} ${flags}`);
    const there = ['/proc/bus', '/proc/fs', '/proc/irq', '/proc/sys', '/proc/sysrq-trigger'].filter((path) => existsSync(path));
    expect(shown.sort()).toEqual(there.map((path) => `${path} ro,nosuid,nodev,noexec,relatime`));
    expect(stderr).toContain('Read-only file system');
    expect(stdout).toMatch(/\nstep\nall\ndefault\nlo\n$/);
  });

  test("the caller's variables are in no other process (class 23)", async () => {
    const canary = randomBytes(16).toString('hex');
    process.env['TSBUILD_TEST_CANARY'] = canary;
    const own = await startExecutor({ root: store.root, isolation: 'root', notice: () => {} }).finally(() => {
      delete process.env['TSBUILD_TEST_CANARY'];
    });
    try {
      const running = Promise.withResolvers<void>();
      const ended = new AbortController();
      const step = own.run(stepRequest('canary', { script: 'echo up; sleep 67' }), () => running.resolve(), ended.signal);
      await running.promise;
      expect(processesHolding(canary)).toEqual([]);
      ended.abort();
      await expect(step).rejects.toMatchObject({ code: 'exec/cancelled' });
    } finally {
      await own.close();
    }
  });

  test.each(['root', 'copy', 'fuse'] as const)(
    'a secret is in no environment or command line of another process, and in no file of the store, %s (class 23)',
    async (mode) => {
      const canary = randomBytes(16).toString('hex');
      const mounts: Mount[] = [{ type: 'secret', id: 's', target: '/run/s', env: 'TOKEN', required: true, mode: 0o400, uid: 0, gid: 0 }];
      const own = await startExecutor({ root: store.root, isolation: mode, notice: () => {} });
      try {
        const shown = Promise.withResolvers<string>();
        const request = stepRequest(`secret-${mode}`, { script: 'cat /run/s; sleep 67', mounts }, { secrets: { s: Buffer.from(canary) } });
        const ended = new AbortController();
        const step = own.run(request, (_, data) => shown.resolve(Buffer.from(data).toString()), ended.signal);
        expect(await shown.promise).toBe(canary);
        // The step itself asked for the variable: its shell and what that starts.
        for (const line of processesHolding(canary))
          expect(line).toMatch(/^(?:cat \/run\/s|sleep 67|\/bin\/sh -c cat \/run\/s; sleep 67)$/);
        expect(filesHolding(store.root, canary)).toEqual([]);
        ended.abort();
        await expect(step).rejects.toMatchObject({ code: 'exec/cancelled' });
        expect(filesHolding(store.root, canary)).toEqual([]);
      } finally {
        await own.close();
      }
    },
  );

  test('the runtime cannot be overwritten from inside (class 24)', async () => {
    const { path } = findRuntime();
    const digest = (): string => createHash('sha256').update(readFileSync(path)).digest('hex');
    const before = digest();
    // The classic: the runtime is made to start itself, while another process of the step writes to it.
    store.addSnapshot('loop', { 'bin/evil': '#!/proc/self/exe\n' });
    const writer = 'for i in $(seq 1 300); do for e in /proc/[0-9]*/exe; do echo pwned 2>/dev/null > $e; done; done 2>/dev/null';
    const script = `chmod 755 /bin/evil; (${writer}) & for i in 1 2 3 4 5; do /bin/evil; done; wait; true`;
    await run({ script }, { root: ['base', 'loop'] });
    await codeOf(run({ args: ['/proc/self/exe', '--version'] }));
    expect(digest()).toBe(before);
  });
});

function tryTo(body: () => void): void {
  try {
    body();
  } catch {
    // the other side was faster
  }
}

/** Command lines of processes that have `text` in their environment or arguments. */
function processesHolding(text: string): string[] {
  const found: string[] = [];
  for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
    try {
      const line = readFileSync(`/proc/${pid}/cmdline`, 'latin1').replaceAll('\0', ' ').trim();
      if (line.includes(text) || readFileSync(`/proc/${pid}/environ`, 'latin1').includes(text)) found.push(line);
    } catch {
      // ended meanwhile
    }
  }
  return found;
}

function filesHolding(directory: string, text: string): string[] {
  return readdirSync(directory, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .filter((path) => readFileSync(path, 'latin1').includes(text));
}
