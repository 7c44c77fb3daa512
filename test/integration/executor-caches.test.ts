// Cache mounts between processes and while they are filled: nobody waits who need not, nothing half made stays,
// and a cache that is removed is gone as a whole.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import type { Mount } from '../../src/graph/op.ts';
import { whyNoSteps } from '../support/busybox-root.ts';
import { openStepBench, type StepBench } from '../support/step-bench.ts';

const cache = (id: string, seed?: string): Mount => ({
  type: 'cache',
  id,
  target: '/c',
  sharing: 'locked',
  readonly: false,
  source: seed ?? '',
  mode: 0o755,
  uid: 0,
  gid: 0,
  ...(seed === undefined ? {} : { input: 1 }),
});

describe.skipIf(whyNoSteps())('cache mounts', () => {
  let bench: StepBench;
  let directory: string;
  const seed = { sources: { 1: { type: 'stack', stack: ['base'] } } } as const;
  const file = (name: string): string => join(directory, name);

  beforeAll(async () => {
    directory = mkdtempSync(join(tmpdir(), 'tsbuild-caches-'));
    // `cp` as steps find it: it says that it runs, and works when it may.
    mkdirSync(file('bin'));
    const script = `#!/bin/sh\n[ -e ${file('wait')} ] && : > ${file('running')}\nwhile [ -e ${file('wait')} ]; do sleep 0.01; done\nexec /bin/cp "$@"\n`;
    writeFileSync(file('bin/cp'), script);
    chmodSync(file('bin/cp'), 0o755);
    vi.stubEnv('PATH', `${file('bin')}:${process.env['PATH']}`);
    bench = await openStepBench();
    vi.unstubAllEnvs();
  });

  afterAll(async () => {
    await bench.close();
    rmSync(directory, { recursive: true, force: true });
  });

  beforeEach(() => {
    for (const name of ['wait', 'running']) rmSync(file(name), { force: true });
  });

  const root = (): string => join(bench.store.root, 'cache-mounts-v1');
  const baseOf = (id: string): string => {
    const name = readdirSync(root()).find((each) => readFileSync(join(root(), each, 'id'), 'utf8') === `${id}\n`);
    return join(root(), name ?? 'none');
  };
  const halfMade = (): string[] =>
    readdirSync(root())
      .flatMap((name) => readdirSync(join(root(), name)))
      .filter((name) => name.includes('.new-'));

  test('steps run while the cache of another one is filled', async () => {
    writeFileSync(file('wait'), '');
    const filling = bench.run({ script: 'ls /c', mounts: [cache('seeded', 'bin')] }, seed);
    await vi.waitUntil(() => existsSync(file('running')), { timeout: 20_000 });
    expect((await bench.run({ script: 'echo here' })).stdout).toBe('here\n');
    rmSync(file('wait'));
    expect((await filling).stdout.split('\n')).toContain('busybox');
  });

  test('who is cancelled while a cache is filled leaves nothing of it', async () => {
    writeFileSync(file('wait'), '');
    const cancel = new AbortController();
    const filling = bench.run({ mounts: [cache('cancelled', 'bin')] }, seed, cancel.signal);
    const outcome = expect(filling).rejects.toMatchObject({ code: 'exec/cancelled' });
    await vi.waitUntil(() => existsSync(file('running')), { timeout: 20_000 });
    cancel.abort();
    await outcome;
    expect(halfMade()).toEqual([]);
    expect(existsSync(join(baseOf('cancelled'), '0'))).toBe(false);
  });

  test('a source that is no directory leaves nothing half made', async () => {
    await expect(bench.run({ mounts: [cache('file', 'bin/busybox')] }, seed)).rejects.toMatchObject({ code: 'exec/mount-source' });
    expect(halfMade()).toEqual([]);
  });

  test('a cache in use is not removed; a removed one is empty again', async () => {
    const mounts = [cache('removed')];
    const cancel = new AbortController();
    await bench.run({ script: 'touch /c/old', mounts });
    const [info] = (await bench.executor.listCaches()).filter(({ id }) => id === 'removed');
    expect(info).toMatchObject({ inUse: false, directories: [0] });
    const name = info?.name ?? '';
    const using = bench.run({ script: 'touch /c/using; sleep 100', mounts }, {}, cancel.signal).catch(() => undefined);
    await vi.waitUntil(() => existsSync(join(root(), name, '0/using')), { timeout: 20_000 });
    expect((await bench.executor.listCaches()).find(({ id }) => id === 'removed')?.inUse).toBe(true);
    expect(await bench.executor.removeCache(name)).toBe(false);
    cancel.abort();
    await using;
    expect(await bench.executor.removeCache(name)).toBe(true);
    expect(existsSync(join(root(), name))).toBe(false);
    expect((await bench.run({ script: 'ls /c', mounts })).stdout).toBe('');
  });

  test('a step that comes while another process removes its cache begins a new one', async () => {
    const mounts = [cache('contended')];
    await bench.run({ script: 'touch /c/old', mounts });
    const base = baseOf('contended');
    const script = `echo held; read -r go; mv ${base} ${file('gone')}`;
    const remover = spawn('flock', [join(base, 'users'), 'sh', '-c', script], { stdio: ['pipe', 'pipe', 'inherit'] });
    await once(remover.stdout, 'data');
    const step = bench.run({ script: 'ls /c; touch /c/new', mounts });
    remover.stdin.end('go\n');
    expect((await step).stdout).toBe('');
    expect((await bench.run({ script: 'ls /c', mounts })).stdout).toBe('new\n');
    expect(readdirSync(file('gone/0'))).toEqual(['old']);
  });
});
