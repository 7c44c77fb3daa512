// Steps as root: what a RUN sees, what it leaves in its snapshot, and that nothing else stays.
import { existsSync, lstatSync, mkdirSync, readdirSync, readFileSync, statSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { digestOf, parseDiffId } from '../../src/core/digest.ts';
import { findBusybox, whyNoSteps } from '../support/busybox-root.ts';
import { openStepBench, type StepBench } from '../support/step-bench.ts';

const skip = whyNoSteps();

describe.skipIf(skip)('steps as root', () => {
  let bench: StepBench;
  let store: StepBench['store'];
  let run: StepBench['run'];

  beforeAll(async () => {
    bench = await openStepBench();
    ({ store, run } = bench);
  });
  afterAll(() => bench?.close());

  const layerOf = (snapshot: string): string[] =>
    readdirSync(join(store.root, 'snapshots-v1', snapshot, 'fs'), { recursive: true })
      .map(String)
      .sort();
  const inLayer = (snapshot: string, path: string): string => join(store.root, 'snapshots-v1', snapshot, 'fs', path);
  const codeOf = (promise: Promise<unknown>): Promise<unknown> =>
    promise.then(
      (value) => ({ resolved: value }),
      (error: unknown) => (error as { code?: unknown }).code,
    );

  describe('result', () => {
    test('output, exit code and changes', async () => {
      const outcome = await run({ script: 'echo out; echo err >&2; echo new > /tmp/file; rm /etc/group; exit 3' });
      expect(outcome).toMatchObject({ exitCode: 3, stdout: 'out\n', stderr: 'err\n' });
      expect(outcome.killedBy).toBeUndefined();
      expect(layerOf(outcome.snapshot)).toEqual(['etc', 'etc/group', 'tmp', 'tmp/file']);
      expect(lstatSync(inLayer(outcome.snapshot, 'etc/group')).isCharacterDevice()).toBe(true);
    });

    test('a step that changes nothing leaves an empty layer, mount points included', async () => {
      const { snapshot } = await run(
        {
          args: ['true'],
          mounts: [
            { type: 'tmpfs', target: '/new/deep/tmp' },
            { type: 'secret', id: 's', target: '/run/secrets/s', required: true, mode: 0o400, uid: 0, gid: 0 },
          ],
        },
        { secrets: { s: Buffer.from('x') } },
      );
      expect(layerOf(snapshot)).toEqual([]);
      const base = statSync(join(store.root, 'snapshots-v1/base/fs'), { bigint: true });
      expect(statSync(inLayer(snapshot, ''), { bigint: true }).mtimeNs).toBe(base.mtimeNs);
    });

    test('a finished snapshot is the parent of the next step', async () => {
      const first = await run({ script: 'mkdir /a; echo one > /a/b; chown 7:8 /a/b' });
      const second = await run({ script: 'cat /a/b; stat -c %u:%g /a/b; rm -r /a' }, { root: ['base', first.snapshot] });
      expect(second.stdout).toBe('one\n7:8\n');
      const third = await run({ script: 'ls /a' }, { root: ['base', first.snapshot, second.snapshot] });
      expect(third.exitCode).not.toBe(0);
    });

    test('the whole output of a chatty step arrives in order', async () => {
      const { stdout } = await run({ script: 'seq 1 200000' });
      expect(stdout.length).toBe(1_288_895);
      expect(stdout.endsWith('199999\n200000\n')).toBe(true);
    });

    test.each([
      ['a missing program', ['nosuch'], 1, 'executable file not found in $PATH'],
      ['a missing path', ['/bin/nosuch'], 1, 'no such file or directory'],
      ['a file without execute permission', ['/etc/passwd'], 1, 'permission denied'],
    ])('%s', async (_name, args, exitCode, text) => {
      const outcome = await run({ args });
      expect(outcome.exitCode).toBe(exitCode);
      expect(outcome.stderr).toContain(text);
    });

    test('the shell is process 1 and survives its own kill', async () => {
      expect((await run({ script: 'kill -9 $$; echo alive' })).stdout).toBe('alive\n');
    });

    test('background processes end with the step', async () => {
      const started = Date.now();
      const { stdout } = await run({ script: 'sleep 60 & sleep 60 & echo done' });
      expect(stdout).toBe('done\n');
      expect(Date.now() - started).toBeLessThan(10_000);
    });

    test('cancelling kills the whole tree', async () => {
      const controller = new AbortController();
      const running = run({ script: 'sleep 61 & sleep 61' }, {}, controller.signal);
      setTimeout(() => controller.abort(), 150);
      expect(await codeOf(running)).toBe('exec/cancelled');
      expect(processesWith('sleep 61')).toEqual([]);
    });
  });

  describe('sandbox', () => {
    test('identity of the host does not show', async () => {
      const { stdout } = await run({ script: 'hostname; cat /etc/hosts; echo $$; env | sort' });
      expect(stdout).toBe(
        'buildkitsandbox\n127.0.0.1\tlocalhost buildkitsandbox\n::1\tlocalhost ip6-localhost ip6-loopback\n1\nHOME=/root\nPATH=/bin\nPWD=/\nSHLVL=1\n',
      );
    });

    test("has Docker's capabilities, a system call filter and no more", async () => {
      const { stdout } = await run({ script: 'grep -E "^(Cap|NoNew|Seccomp:)" /proc/self/status | tr "\\t" " "' });
      expect(stdout.split('\n')).toEqual([
        'CapInh: 0000000000000000',
        'CapPrm: 00000000a80425fb',
        'CapEff: 00000000a80425fb',
        'CapBnd: 00000000a80425fb',
        'CapAmb: 0000000000000000',
        'NoNewPrivs: 0',
        'Seccomp: 2',
        '',
      ]);
    });

    test('a step of another user has no capabilities in effect', async () => {
      const { stdout } = await run({ user: '1000:1000', script: 'grep CapEff /proc/self/status' });
      expect(stdout.trim()).toMatch(/0000000000000000$/);
    });

    test('system calls outside the list are refused', async () => {
      expect((await run({ script: 'unshare -m true' })).exitCode).not.toBe(0);
      expect((await run({ script: 'mount -t tmpfs none /tmp' })).exitCode).not.toBe(0);
    });

    test('insecure mode may mount', async () => {
      const { exitCode, stderr } = await run({ security: 'insecure', script: 'mount -t tmpfs none /tmp && test -w /sys' });
      expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' });
    });

    test('only descriptors 0 to 2 are open and stdin is empty', async () => {
      const { stdout } = await run({ script: 'cat; for fd in /proc/self/fd/*; do [ -e $fd ] && echo ${fd##*/}; done' });
      expect(stdout).toBe('0\n1\n2\n');
    });

    test('stdout and stderr can be reopened, also by another user', async () => {
      const outcome = await run({ user: 'alice', script: 'echo out > /dev/stdout; echo err > /dev/stderr' });
      expect(outcome).toMatchObject({ exitCode: 0, stdout: 'out\n', stderr: 'err\n' });
    });

    test.each(['/proc/kcore', '/proc/keys', '/proc/timer_list', '/proc/interrupts'])('%s is masked', async (path) => {
      const { stdout } = await run({ script: `test -e ${path} && wc -c < ${path} || echo 0` });
      expect(stdout.trim()).toBe('0');
    });

    test.each(['/proc/sys/kernel/hostname', '/proc/sysrq-trigger', '/sys/kernel/uevent_helper', '/etc/hosts', '/etc/resolv.conf'])(
      '%s is read-only',
      async (path) => {
        expect((await run({ script: `echo x > ${path}` })).stderr).toMatch(
          /Read-only file system|Permission denied|nonexistent|can't create/,
        );
      },
    );

    test('control groups of the machine do not show', async () => {
      const { stdout } = await run({ script: 'find /sys/fs/cgroup -mindepth 1 -type d; grep ^0: /proc/self/cgroup' });
      expect(stdout).toBe('0::/\n');
    });

    test('/dev holds the usual devices only', async () => {
      const { stdout } = await run({ script: 'ls /dev | grep -v ^core$' });
      expect(stdout.split('\n').filter(Boolean)).toEqual([
        'fd',
        'full',
        'mqueue',
        'null',
        'ptmx',
        'pts',
        'random',
        'shm',
        'stderr',
        'stdin',
        'stdout',
        'tty',
        'urandom',
        'zero',
      ]);
    });

    test('umask is 022, ulimits are cut to what the host allows', async () => {
      const { stdout, exitCode } = await run({ script: 'umask; ulimit -n; ulimit -c', ulimits: ['nofile=64:128', 'core=0'] });
      expect({ exitCode, stdout }).toEqual({ exitCode: 0, stdout: '0022\n64\n0\n' });
      expect((await run({ args: ['true'], ulimits: ['nofile=9000000000:9000000000'] })).exitCode).toBe(0);
    });

    test('/dev/shm has the wanted size', async () => {
      const { stdout } = await run({ script: 'grep /dev/shm /proc/mounts', shmSize: 1024 * 1024 });
      expect(stdout).toContain('size=1024k');
    });
  });

  describe('user and working directory', () => {
    test.each([
      ['', '0:0:0'],
      ['1000:1000', '1000:1000:1000'],
      ['alice', '1000:1000:1000 50 999'],
      ['alice:staff', '1000:50:50'],
      ['bob', '1001:1000:1000 999'],
      ['1000', '1000:1000:1000 50 999'],
      ['4242', '4242:0:0'],
      ['4242:staff', '4242:50:50'],
      ['alice:4343', '1000:4343:4343'],
    ])('USER %s', async (user, expected) => {
      expect((await run({ user, script: 'echo $(id -u):$(id -g):$(id -G)' })).stdout.trim()).toBe(expected);
    });

    test.each([
      ['alice', '/home/alice'],
      ['1001:7', '/home/bob'],
      ['4242', '/'],
    ])('HOME of %s comes from passwd', async (user, home) => {
      expect((await run({ user, script: 'echo $HOME' })).stdout.trim()).toBe(home);
    });

    test.each([
      ['carol', 'exec/unknown-user'],
      ['alice:nogroup', 'exec/unknown-group'],
      ['4294967295:0', 'exec/bad-user-id'],
    ])('USER %s is refused', async (user, code) => {
      expect(await codeOf(run({ user }))).toBe(code);
    });

    test('a missing working directory is made 0755 for the user', async () => {
      const { stdout, snapshot } = await run({ user: 'alice', cwd: '/srv/app', script: 'pwd; stat -c "%a %u:%g" .' });
      expect(stdout).toBe('/srv/app\n755 1000:1000\n');
      expect(layerOf(snapshot)).toEqual(['srv', 'srv/app']);
    });

    test('a user database that is a pipe or huge does not hang or count', async () => {
      const tree = store.addSnapshot('fifo', {});
      mkdirSync(join(tree, 'etc'));
      const { execFileSync } = await import('node:child_process');
      execFileSync('mkfifo', [join(tree, 'etc/passwd')]);
      execFileSync('truncate', ['-s', '10G', join(tree, 'etc/group')]);
      const root = ['base', 'fifo'];
      expect(await codeOf(run({ user: 'alice' }, { root }))).toBe('exec/unknown-user');
      expect((await run({ user: '5', script: 'stat -c %u /proc/self/' }, { root })).stdout).toBe('5\n');
      expect(await codeOf(run({ user: '5:staff' }, { root }))).toBe('exec/unknown-group');
    });

    test('a user database behind a link is looked up inside the image', async () => {
      store.addSnapshot('linked', { 'etc/passwd': '->/../../../../opt/users', 'opt/users': 'zoe:x:77:78::/z:/bin/sh\n' });
      const { stdout } = await run({ user: 'zoe', script: 'id -u; id -g' }, { root: ['base', 'linked'] });
      expect(stdout).toBe('77\n78\n');
    });
  });

  describe('hostile images (CVE classes 1, 2, 11)', () => {
    test.each(Array.from({ length: 30 }, (_, index) => index + 3))('WORKDIR /proc/self/fd/%i stays inside', async (fd) => {
      expect(await codeOf(run({ cwd: `/proc/self/fd/${fd}`, script: 'pwd' }))).toBe('exec/working-directory');
    });

    test('a link to a descriptor is no way out either', async () => {
      store.addSnapshot('escape', { way: '->/proc/self/fd/7', 'dir/way': '->../proc/1/cwd' });
      const root = ['base', 'escape'];
      expect(await codeOf(run({ cwd: '/way' }, { root }))).toBe('exec/working-directory');
      expect(await codeOf(run({ cwd: '/dir/way/x' }, { root }))).toBe('exec/working-directory');
    });

    test('a working directory behind a link inside a mount is refused too', async () => {
      store.addSnapshot('mounted', { way: '->/proc/self/fd/8' });
      const outcome = run(
        { cwd: '/m/way', mounts: [{ type: 'bind', input: 1, source: '/', target: '/m', readonly: true }] },
        { sources: { 1: { type: 'stack', stack: ['mounted'] } } },
      );
      expect(await codeOf(outcome)).toBe('exec/working-directory');
    });

    test.each(['proc', 'sys', 'dev'])('/%s as a link is refused', async (name) => {
      store.addSnapshot(`link-${name}`, { [name]: '->/tmp' });
      expect(await codeOf(run({}, { root: ['base', `link-${name}`] }))).toBe('exec/unsafe-rootfs');
    });

    test('a linked /etc keeps its hosts file inside the image', async () => {
      store.addSnapshot('link-etc', { 'real/passwd': 'root:x:0:0::/root:/bin/sh\n' });
      const tree = join(store.root, 'snapshots-v1/link-etc/fs');
      // Only this snapshot: the base has a real /etc.
      symlinkSync('/../../real', join(tree, 'etc'));
      mkdirSync(join(tree, 'bin'));
      writeFileSync(join(tree, 'bin/busybox'), readFileSync(findBusybox() ?? ''), { mode: 0o755 });
      const { stdout, snapshot } = await run({ args: ['/bin/busybox', 'cat', '/real/hosts'] }, { root: ['link-etc'] });
      expect(stdout).toContain('localhost');
      // As with Docker, these stay where the image lacks them.
      expect(layerOf(snapshot)).toEqual(['dev', 'proc', 'sys']);
    });

    test('swapping the parent of a mount point cannot make the clean-up delete elsewhere', async () => {
      const sentinel = join(store.root, 'sentinel');
      mkdirSync(sentinel);
      writeFileSync(join(sentinel, 'mnt'), 'keep');
      const { snapshot } = await run({
        script: `mv /victim /moved; ln -s ../../../../../../..${store.root}/sentinel /victim; ls -la / /victim; true`,
        mounts: [{ type: 'tmpfs', target: '/victim/mnt' }],
      });
      expect(readFileSync(join(sentinel, 'mnt'), 'utf8')).toBe('keep');
      expect(existsSync(inLayer(snapshot, 'victim/mnt'))).toBe(false);
    });

    test('files beside a mount point stay, the stub goes', async () => {
      const { snapshot } = await run({ script: 'echo x > /new/other', mounts: [{ type: 'tmpfs', target: '/new/tmp' }] });
      expect(layerOf(snapshot)).toEqual(['new', 'new/other']);
    });

    test('times of directories around a stub stay', async () => {
      const tree = store.addSnapshot('old', { 'opt/keep': 'x' });
      utimesSync(join(tree, 'opt'), 1_000_000, 1_000_000);
      const mounts = [{ type: 'tmpfs', target: '/opt/a/b' }] as const;
      const { stdout, snapshot } = await run({ script: 'stat -c %Y /opt; ls /opt', mounts }, { root: ['base', 'old'] });
      expect(stdout).toBe('1000000\na\nkeep\n');
      expect(layerOf(snapshot)).toEqual([]);
    });
  });

  describe('network', () => {
    test('none has a loopback and nothing else', async () => {
      const { stdout } = await run({ network: 'none', script: 'ip -o link | cut -d: -f2; ip addr show lo | grep -c "inet 127"' });
      expect(stdout).toBe(' lo\n1\n');
    });

    test('the loopback of the host is closed to default and none, open to host', async () => {
      const server = createServer((socket) => socket.end('hello from the host\n'));
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', () => resolve()));
      const address = server.address();
      const port = typeof address === 'object' && address !== null ? address.port : 0;
      const ask = (network: 'default' | 'none' | 'host') => run({ network, script: `nc -w 2 127.0.0.1 ${port}; true` });
      try {
        expect((await ask('host')).stdout).toBe('hello from the host\n');
        expect((await ask('none')).stdout).toBe('');
        const shared = bench.notices.some((notice) => notice.includes('network of this machine'));
        expect((await ask('default')).stdout).toBe(shared ? 'hello from the host\n' : '');
      } finally {
        server.close();
      }
    });

    test('--add-host entries are in /etc/hosts', async () => {
      expect((await run({ script: 'cat /etc/hosts', addHosts: ['db=10.0.0.5', 'six=fe80::1'] })).stdout).toContain(
        '10.0.0.5\tdb\nfe80::1\tsix\n',
      );
    });
  });

  describe('limits', () => {
    test('a step that needs more memory than it may have is killed, or it is said that limits have no effect', async () => {
      const outcome = await run(
        { script: 'dd if=/dev/zero of=/dev/null bs=200M count=1; x=$(yes | head -c 200000000); echo $?' },
        { memory: 32 * 1024 * 1024 },
      );
      const warning = bench.notices.find((notice) => notice.startsWith('limits of steps are not enforced')) ?? null;
      // Either the kernel's own count of kills, or a warning that names the reason; never neither.
      if (warning === null) expect(outcome.killedBy).toBe('oom');
      else {
        expect(warning).toMatch(/: this machine has no usable control groups$|: control groups are refused \(E[A-Z]+ [^)]+\)$/);
        expect(outcome.killedBy).toBeUndefined();
      }
    });

    test('CPU limits are set on the group of the step and the group goes', async () => {
      const { stdout, exitCode } = await run({ script: 'cat /proc/self/cgroup' }, { cpus: 0.5 });
      expect(exitCode).toBe(0);
      const group = /tsbuild-[0-9a-f]+/.exec(stdout)?.[0];
      if (group !== undefined)
        expect(
          readdirSync('/sys/fs/cgroup', { recursive: true })
            .map(String)
            .filter((path) => path.endsWith(group)),
        ).toEqual([]);
    });
  });

  test('errors of one step do not disturb another', async () => {
    const [good, bad] = await Promise.all([run({ script: 'sleep 0.1; echo ok' }), codeOf(run({ user: 'nobody-here' }))]);
    expect(good.stdout).toBe('ok\n');
    expect(bad).toBe('exec/unknown-user');
  });

  test('a copy from a layer whose table of contents somebody removed says so', async () => {
    const source = { input: 1, type: 'files', pattern: 'etc' } as const;
    const op = {
      type: 'copy',
      keyword: 'COPY',
      sources: [source],
      dest: '/',
      destIsDir: true,
      link: false,
      parents: false,
      exclude: [],
      unpack: 'never',
    } as const;
    const diffId = parseDiffId(digestOf('a layer that was here'));
    const copied = bench.executor.copy({
      op,
      base: [],
      sources: { 1: { diffIds: [diffId], stack: [] } },
      time: 0,
      format: { compression: 'gzip' },
    });
    await expect(copied).rejects.toMatchObject({ code: 'store/missing-blob', message: expect.stringContaining(diffId) });
  });

  test('no mount point or file of a step stays', () => {
    const own = readdirSync(join(store.root, 'snapshots-v1')).filter((name) => /^s\d+$/.test(name));
    for (const name of own) expect(readdirSync(join(store.root, 'snapshots-v1', name))).toEqual(['fs']);
    expect(readFileSync('/proc/self/mountinfo', 'utf8')).not.toContain(store.root);
    expect(readdirSync(join(store.root, 'run'))).toEqual([]);
  });
});

/** Command lines of running processes that contain `text`. */
function processesWith(text: string): string[] {
  const found: string[] = [];
  for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
    try {
      const line = readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ').trim();
      if (line === text || line.endsWith(`/${text}`)) found.push(line);
    } catch {
      // ended meanwhile
    }
  }
  return found;
}
