// Steps without namespaces: the same results by copying, and nothing placed for a step in its layer.
import { spawnSync } from 'node:child_process';
import { existsSync, lstatSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { whyNoSteps } from '../support/busybox-root.ts';
import { openStepBench, type StepBench } from '../support/step-bench.ts';

describe.skipIf(whyNoSteps())('steps in a chroot', () => {
  let bench: StepBench;
  let store: StepBench['store'];
  let executor: StepBench['executor'];
  let run: StepBench['run'];

  beforeAll(async () => {
    bench = await openStepBench('chroot');
    ({ store, executor, run } = bench);
  });
  afterAll(() => bench?.close());

  const layer = (snapshot: string): string => join(store.root, 'snapshots-v1', snapshot, 'fs');
  const layerOf = (snapshot: string): string[] => readdirSync(layer(snapshot), { recursive: true }).map(String).sort();

  test('says what is missing, with the first step', async () => {
    expect(bench.notices).toEqual([]);
    await run({ script: 'true' });
    await run({ script: 'true' });
    expect(bench.notices.filter((notice) => notice.includes('chroot'))).toHaveLength(1);
  });

  test('output, exit code and changes in overlay form', async () => {
    const outcome = await run({
      user: 'alice',
      script: 'id -un; pwd; echo out > /tmp/f; echo err >&2; echo x > /dev/null; exit 4',
      cwd: '/srv/app',
    });
    expect(outcome).toMatchObject({ exitCode: 4, stdout: 'alice\n/srv/app\n', stderr: 'err\n' });
    expect(layerOf(outcome.snapshot)).toEqual(['srv', 'srv/app', 'tmp', 'tmp/f']);
    expect(lstatSync(join(layer(outcome.snapshot), 'tmp/f')).uid).toBe(1000);
    expect(lstatSync(join(layer(outcome.snapshot), 'tmp')).mode & 0o7777).toBe(0o1777);
    expect(readdirSync(join(store.root, 'snapshots-v1', outcome.snapshot))).toEqual(['fs']);
  });

  test('a step that changes nothing leaves an empty layer', async () => {
    expect(layerOf((await run({ script: 'true' })).snapshot)).toEqual([]);
  });

  test('deletions, replacements and a further step', async () => {
    const first = await run({ script: 'rm /etc/group; mkdir /a; echo 1 > /a/one; ln /a/one /a/two; ln -s one /a/three; chmod 700 /home' });
    expect(lstatSync(join(layer(first.snapshot), 'etc/group')).rdev).toBe(0);
    const second = await run(
      { script: 'ls /a /etc; stat -c %h /a/one; stat -c %a /home; rm -r /a; echo file > /a' },
      { root: ['base', first.snapshot] },
    );
    expect(second.stdout).toBe('/a:\none\nthree\ntwo\n\n/etc:\nhosts\npasswd\nresolv.conf\n1\n700\n');
    const third = await run({ script: 'cat /a' }, { root: ['base', first.snapshot, second.snapshot] });
    expect(third.stdout).toBe('file\n');
  });

  test('mounts, and none of it in the layer even when moved', async () => {
    const mounts = [
      { type: 'secret', id: 's', target: '/run/secrets/s', required: true, mode: 0o400, uid: 0, gid: 0 },
      { type: 'cache', id: 'c', target: '/c', sharing: 'shared', readonly: false, source: '', mode: 0o755, uid: 0, gid: 0 },
      { type: 'tmpfs', target: '/t' },
      { type: 'bind', input: 1, source: '/etc', target: '/b', readonly: true },
      { type: 'inline', target: '/dev/pipes/S', content: '#!/bin/sh\necho inline\n' },
    ] as const;
    const request = { secrets: { s: Buffer.from('canary-77') }, sources: { 1: { type: 'stack', stack: ['base'] } } } as const;
    const script = 'cat /run/secrets/s; ls /b; /dev/pipes/S; echo k > /c/kept; touch /t/x; mv /run/secrets/s /tmp/stolen; mv /run /moved';
    const outcome = await run({ script, mounts }, request);
    expect(outcome).toMatchObject({ exitCode: 0, stdout: 'canary-77group\npasswd\ninline\n' });
    expect(layerOf(outcome.snapshot)).toEqual(['tmp']);
    expect((await run({ script: 'cat /c/kept', mounts }, request)).stdout).toContain('k\n');
    expect(spawnSync('grep', ['-rlF', 'canary-77', store.root], { encoding: 'utf8' }).stdout).toBe('');
  });

  test('a program that is missing, and leftovers of a step', async () => {
    expect((await run({ args: ['nosuch'] })).exitCode).toBe(1);
    const started = Date.now();
    expect((await run({ script: 'sleep 63 & echo done' })).stdout).toBe('done\n');
    expect(Date.now() - started).toBeLessThan(20_000);
  });

  test('cancelling ends it', async () => {
    const controller = new AbortController();
    setTimeout(() => controller.abort(), 300);
    await expect(run({ script: 'sleep 64' }, {}, controller.signal)).rejects.toMatchObject({ code: 'exec/cancelled' });
  });

  test('nothing stays after the end', async () => {
    await executor.close();
    expect(readdirSync(store.root).filter((name) => name.startsWith('run'))).toEqual([]);
    expect(existsSync(join(store.root, 'snapshots-v1'))).toBe(true);
  });
});
