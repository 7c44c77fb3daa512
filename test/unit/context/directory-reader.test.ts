// Directories are found to hold the same, whichever thread looks at them.
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { MessageChannel, Worker } from 'node:worker_threads';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { DirectoryReader } from '../../../src/context/directory-reader.ts';
import { readDirectory } from '../../../src/context/read-directory.ts';
import type { ReadAnswer } from '../../../src/context/read-order.ts';

let root: string;
let paths: string[];
beforeAll(() => {
  root = mkdtempSync(join(tmpdir(), 'tsbuild-reader-'));
  paths = [];
  // More files than are looked at before a second thread is started.
  for (let dir = 0; dir < 80; dir++) {
    paths.push(`d${dir}`);
    mkdirSync(join(root, `d${dir}/below`), { recursive: true });
    for (let file = 0; file < 150; file++) writeFileSync(join(root, `d${dir}/f${file}`), '');
  }
  symlinkSync('nowhere', join(root, 'd0/link'));
  writeFileSync(Buffer.concat([Buffer.from(`${root}/d0/`), Buffer.from([0xff, 0xfe])]), '');
  paths.push('d0/below', 'vanished');
});
afterAll(() => rmSync(root, { recursive: true, force: true }));

it('reads large trees as it reads single directories', async () => {
  const reader = new DirectoryReader(root);
  const found = await reader.read(paths);
  reader.close();
  expect([...found.keys()]).toEqual(paths);
  for (const [path, stats] of found) expect(stats, path).toEqual(readDirectory(root, path));
});

it('has a second thread that finds the same', async () => {
  const thread = new Worker(new URL('../../../src/context/read-thread.ts', import.meta.url));
  const { port1, port2 } = new MessageChannel();
  const answers = new Promise<readonly ReadAnswer[]>((resolve) => port1.once('message', resolve));
  const next = new Int32Array(new SharedArrayBuffer(4));
  // The first two were taken already.
  next[0] = 2;
  thread.postMessage({ root, paths, next, answer: port2 }, [port2]);
  const found = await answers;
  port1.close();
  await thread.terminate();
  expect(found.map(({ at }) => paths[at])).toEqual(paths.slice(2));
  for (const { at, names, ...rest } of found) {
    expect({ ...rest, names: names === '' ? [] : names.split('/') }).toEqual(readDirectory(root, paths[at] ?? ''));
  }
});
