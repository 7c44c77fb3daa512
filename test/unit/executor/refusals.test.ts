// Refusals of the kernel and its helpers, met without a build.
import { mkdirSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test, vi } from 'vitest';
import { parseDigest } from '../../../src/core/digest.ts';
import { TsbuildError } from '../../../src/core/errors.ts';
import { mountRunDirectory } from '../../../src/executor/enter-namespace.ts';
import { writeRanges } from '../../../src/executor/id-map.ts';
import { FileReader } from '../../../src/executor/layer/file-reader.ts';
import { loadNamespaceCalls, type NamespaceCalls } from '../../../src/executor/namespace-calls.ts';
import { ContainerView } from '../../../src/executor/sandbox/container-view.ts';
import { mountOverlay } from '../../../src/executor/sandbox/rootfs/overlay.ts';

const dir = mkdtempSync(join(tmpdir(), 'tsbuild-refusals-'));
afterAll(() => rmSync(dir, { recursive: true }));

async function codeOf(work: () => unknown): Promise<string> {
  try {
    await work();
    return 'none';
  } catch (error) {
    return error instanceof TsbuildError ? error.code : String(error);
  }
}

const RANGES = { uid: [{ start: 100_000, count: 10 }], gid: [{ start: 100_000, count: 10 }] };

test('exec/no-uidmap: the helper is not installed', async () => {
  vi.stubEnv('PATH', dir);
  expect(await codeOf(() => writeRanges(process.pid, { uid: 1000, gid: 1000 }, RANGES))).toBe('exec/no-uidmap');
  vi.unstubAllEnvs();
});

test('exec/uidmap-failed: the helper refuses a process that has no namespace of its own', async () => {
  expect(await codeOf(() => writeRanges(process.pid, { uid: 1000, gid: 1000 }, RANGES))).toBe('exec/uidmap-failed');
});

test('exec/too-many-layers: longer than what mount takes', async () => {
  const calls = { mount: () => undefined } as unknown as NamespaceCalls;
  const mount = (count: number) => () =>
    mountOverlay(calls, { lowers: Array.from({ length: count }, (_, at) => `l${at}`), target: dir, userxattr: false });
  expect([await codeOf(mount(300)), await codeOf(mount(2000))]).toEqual(['none', 'exec/too-many-layers']);
});

test('exec/no-mount: the kernel mounts nothing where there is nothing', async () => {
  expect(await codeOf(() => mountRunDirectory(loadNamespaceCalls(), join(dir, 'nowhere')))).toBe('exec/no-mount');
});

test('exec/link-loop', async () => {
  mkdirSync(join(dir, 'root'));
  symlinkSync('/b', join(dir, 'root/a'));
  symlinkSync('/a', join(dir, 'root/b'));
  expect(await codeOf(() => new ContainerView(join(dir, 'root')).resolve('/a/x'))).toBe('exec/link-loop');
});

test('exec/layer-read: a file that fails when it is read', async () => {
  const entry = { path: 'mem', type: 'file', size: 10 } as never;
  // The kernel answers EIO for address 0.
  expect(await codeOf(() => new FileReader().readSmall('/proc/self/mem', entry))).toBe('exec/layer-read');
});

test('store/bad-digest', async () => {
  expect(await codeOf(() => parseDigest('sha256:short'))).toBe('store/bad-digest');
});
