// Steps of users without privileges, with and without id ranges, and the end of the executor when the
// build is killed.
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createStore, findBusybox, type TestStore, whyNoSteps } from '../support/busybox-root.ts';
import { descendantsOf } from '../support/process-tree.ts';
import { openStepBench } from '../support/step-bench.ts';
import { directoryOf, type UnprivilegedUser, unprivilegedUser } from '../support/unprivileged.ts';

const DRIVER = join(import.meta.dirname, '../support/executor-driver.ts');
const skip = whyNoSteps();
const ranged = skip ? null : unprivilegedUser(true);
const single = skip ? null : unprivilegedUser(false);

type Line = Readonly<Record<string, unknown>>;

async function linesOf(child: ChildProcess): Promise<Line[]> {
  let text = '';
  let errors = '';
  child.stdout?.on('data', (chunk: Buffer) => {
    text += chunk.toString('utf8');
  });
  child.stderr?.on('data', (chunk: Buffer) => {
    errors += chunk.toString('utf8');
  });
  await new Promise((resolve) => child.once('close', resolve));
  expect(errors).toBe('');
  return text
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line) as Line);
}

function userStore(user: UnprivilegedUser | null) {
  const state = {} as { directory: string; store: TestStore };
  beforeAll(async () => {
    if (user === null) return;
    state.directory = await directoryOf(user);
    state.store = await createStore(findBusybox() ?? '', state.directory);
    execFileSync('chown', ['-R', `${user.uid}:${user.uid}`, state.store.root]);
  });
  afterAll(() => {
    if (state.directory !== undefined) rmSync(state.directory, { recursive: true, force: true });
  });
  const drive = (steps: readonly object[], extra: object = {}): Promise<Line[]> => {
    const job = { root: state.store.root, isolation: 'auto', steps, ...extra };
    const child = user?.spawn(process.execPath, [DRIVER, JSON.stringify(job)], {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { PATH: process.env['PATH'] ?? '' },
    });
    return linesOf(child as ChildProcess);
  };
  return { state, drive };
}

describe.skipIf(ranged === null)('rootless with id ranges', () => {
  const { state, drive } = userStore(ranged);

  test('runs as root inside, owns files of other users, makes layers with the right owners', async () => {
    const lines = await drive(
      [
        { op: { script: 'id -u; grep -c . /proc/self/uid_map; touch /tmp/mine; mkdir /tmp/d; chown 1000:50 /tmp/d' } },
        { op: { user: 'alice', script: 'id -u; id -G; touch /etc/x || echo refused' } },
        { op: { script: 'stat -c %u:%g /tmp/d; rm /etc/group; rm -r /home; mkdir -m 700 /home' }, request: { root: ['base', 's1'] } },
      ],
      { diff: true },
    );
    expect(lines).toMatchObject([
      { ready: true },
      { exitCode: 0, stdout: '0\n2\n' },
      { exitCode: 0, stdout: '1000\n1000 50 999\nrefused\n' },
      { exitCode: 0, stdout: '1000:50\n' },
      { layer: { diffId: expect.stringMatching(/^sha256:/) } },
    ]);
    const blob = (lines[4] as { layer: { blob: { digest: string } } }).layer.blob.digest.slice(7);
    const tar = execFileSync('find', [join(state.store.root, 'blobs-v1'), '-name', blob], { encoding: 'utf8' }).trim();
    const listing = execFileSync('tar', ['tvf', tar, '--numeric-owner'], { encoding: 'utf8' });
    expect(listing).toContain('etc/.wh.group');
    expect(listing).toMatch(/^drwx------ 0\/0 .* home\/$/m);
  });

  test('the same sandbox as root', async () => {
    const [, first, second] = await drive([
      {
        op: {
          script:
            'grep -E "^(CapEff|CapBnd|Seccomp:)" /proc/self/status | tr "\\t" " "; hostname; ip -o link | wc -l; echo x > /proc/sys/kernel/hostname',
        },
      },
      { op: { script: 'for fd in /proc/self/fd/*; do [ -e $fd ] && echo ${fd##*/}; done; echo y > /dev/stdout', user: '7:7' } },
    ]);
    expect(first?.['stdout']).toBe('CapEff: 00000000a80425fb\nCapBnd: 00000000a80425fb\nSeccomp: 2\nbuildkitsandbox\n1\n');
    expect(first?.['exitCode']).not.toBe(0);
    expect(second).toMatchObject({ exitCode: 0, stdout: '0\n1\n2\ny\n' });
  });

  test('mounts work', async () => {
    const mounts = [
      { type: 'cache', id: 'c', target: '/c', sharing: 'locked', readonly: false, source: '', mode: 0o700, uid: 9, gid: 9 },
      { type: 'tmpfs', target: '/t', size: 65536 },
      { type: 'bind', input: 1, source: '/etc', target: '/b', readonly: false },
      { type: 'inline', target: '/dev/pipes/S', content: '#!/bin/sh\n' },
    ];
    const sources = { 1: { type: 'stack', stack: ['base'] } };
    const [, outcome] = await drive([
      { op: { script: 'stat -c "%a %u" /c; touch /b/new /t/x; ls /b; ls /dev/pipes', mounts }, request: { sources } },
    ]);
    expect(outcome).toMatchObject({ exitCode: 0, stdout: '700 9\ngroup\nnew\npasswd\nS\n', stderr: '' });
  });

  test.each(['none', 'host'])('control groups of the machine do not show, with network %s', async (network) => {
    const script = 'find /sys/fs/cgroup -mindepth 1; mkdir /sys/fs/cgroup/x 2>/dev/null || echo closed; ls /sys/class/net | grep -x lo';
    const [, outcome] = await drive([{ op: { script, network } }]);
    expect(outcome).toMatchObject({ exitCode: 0, stdout: 'closed\nlo\n' });
  });

  test('nothing of the executor stays', () => {
    expect(readdirSync(join(state.store.root, 'run'))).toEqual([]);
    expect(commandLines(state.store.root)).toEqual([]);
  });
});

describe.skipIf(single === null)('rootless with one id', () => {
  const { drive } = userStore(single);

  test('runs, and says what it lacks', async () => {
    const lines = await drive([{ op: { script: 'id -u; touch /tmp/x; chown 5 /tmp/x || echo refused' } }]);
    expect(lines).toMatchObject([
      { ready: true },
      { notice: expect.stringContaining('/etc/subuid') },
      { exitCode: 0, stdout: '0\nrefused\n' },
    ]);
  });
});

describe.skipIf(skip)('end of the executor', () => {
  let store: TestStore;
  beforeAll(async () => {
    store = await createStore(findBusybox() ?? '');
  });
  afterAll(() => store?.remove());

  test.each([
    ['a running step', 'root', { script: 'sleep 62 & (trap "" TERM INT HUP; sleep 62)', network: 'default' }, {}],
    ['a step with limits', 'root', { script: 'sleep 62' }, { memory: 64 * 1024 * 1024 }],
    ['a step on fuse-overlayfs', 'fuse', { script: 'sleep 62' }, {}],
  ])('killing the build with -9 during %s leaves nothing', async (_name, isolation, op, request) => {
    const job = { root: store.root, isolation, steps: [{ op, request }] };
    const child = spawn(process.execPath, [DRIVER, JSON.stringify(job)], { stdio: ['ignore', 'pipe', 'inherit'] });
    await until(() => commandLines('sleep 62').length > 0);
    const groups = controlGroupsBelow(child.pid ?? 0);
    expect(groups).not.toEqual([]);
    child.kill('SIGKILL');
    await until(() => commandLines(store.root).length === 0 && commandLines('sleep 62').length === 0);
    expect(readFileSync('/proc/self/mountinfo', 'utf8')).not.toContain(store.root);
    expect(readdirSync(join(store.root, 'run'))).toEqual([]);
    await until(() => !groups.some((group) => existsSync(group)));
  });
});

test.skipIf(skip)('an executor that was killed says so, to what it was doing and to what comes later', async () => {
  const bench = await openStepBench();
  try {
    const step = bench.run({ script: 'sleep 63' });
    await until(() => commandLines('sleep 63').length > 0);
    for (const { pid } of descendantsOf(process.pid)) if (commandLineOf(pid).includes(bench.store.root)) process.kill(pid, 'SIGKILL');
    await expect(step).rejects.toMatchObject({ code: 'exec/executor-died' });
    await expect(bench.executor.listCaches()).rejects.toMatchObject({ code: 'exec/executor-died' });
  } finally {
    await bench.close();
  }
});

/** Empty for a process that has ended meanwhile. */
function commandLineOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ');
  } catch {
    return '';
  }
}

/** Directories of the control groups that were made for what this process has started. */
function controlGroupsBelow(root: number): string[] {
  const lines = descendantsOf(root).flatMap(({ pid }) => {
    try {
      return readFileSync(`/proc/${pid}/cgroup`, 'utf8').split('\n');
    } catch {
      return [];
    }
  });
  const places = lines.flatMap((line) => {
    const [, , controllers = '', path = ''] = /^(\d+):([^:]*):(.*tsbuild-.*)$/.exec(line) ?? [];
    return path === '' ? [] : [controllers, 'unified', ''].map((hierarchy) => join('/sys/fs/cgroup', hierarchy, path));
  });
  return [...new Set(places)].filter((place) => existsSync(place));
}

/** Command lines of running processes that contain `text`. */
function commandLines(text: string): string[] {
  const found: string[] = [];
  for (const pid of readdirSync('/proc')) {
    if (!/^\d+$/.test(pid) || Number(pid) === process.pid) continue;
    const line = commandLineOf(Number(pid));
    if (line.includes(text) && !line.includes('executor-driver')) found.push(line);
  }
  return found;
}

async function until(condition: () => boolean): Promise<void> {
  for (let tries = 0; !condition(); tries += 1) {
    if (tries > 200) throw new Error('waited for 10 seconds in vain');
    await delay(50);
  }
}
