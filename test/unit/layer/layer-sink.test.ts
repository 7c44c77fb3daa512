import { createHash, randomBytes } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { FileEntry } from '../../../src/core/file-entry.ts';
import { createLayerSink } from '../../../src/executor/layer/layer-sink.ts';
import { readLayer } from '../../../src/executor/layer/toc.ts';
import { MemoryBlobStore } from '../../support/memory-blob-store.ts';

const entry = (path: string, more: Partial<FileEntry> = {}): FileEntry => ({
  path,
  type: 'file',
  mode: 0o644,
  uid: 0,
  gid: 0,
  size: 0,
  mtime: 1_700_000_000,
  ...more,
});
const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');
const failsWith = (code: string) => expect.objectContaining({ name: 'TsbuildError', code });

let dir: string;
let store: MemoryBlobStore;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'layer-sink-'));
  store = new MemoryBlobStore();
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

describe('the finished layer', () => {
  test('has a diffID, a blob and a table of contents that agree', async () => {
    const sink = createLayerSink(store, { compression: 'gzip' });
    await sink.add(entry('etc', { type: 'dir', mode: 0o755 }));
    await sink.add(entry('etc/passwd', { size: 9 }), Buffer.from('root:x:0\n'));
    await sink.add(entry('etc/shadow', { type: 'whiteout' }));
    const { layer, toc } = await sink.finish();
    const blob = await store.read(layer.blob.digest);
    expect(layer.blob).toEqual({
      mediaType: 'application/vnd.oci.image.layer.v1.tar+gzip',
      digest: `sha256:${sha256(blob)}`,
      size: blob.length,
    });
    expect(layer.diffId).toBe(`sha256:${sha256(gunzipSync(blob))}`);
    expect(toc.entries.map(({ path }) => path)).toEqual(['etc', 'etc/passwd', 'etc/shadow']);
    expect(toc.entries[1]?.sha256).toBe(sha256(Buffer.from('root:x:0\n')));
    expect(toc.identityFiles).toEqual({ 'etc/passwd': 'root:x:0\n' });
    expect((await readLayer(store.open(layer.blob.digest))).toc).toEqual(toc);
  });

  test('is the well-known empty layer without entries', async () => {
    const { layer } = await createLayerSink(store, { compression: 'gzip' }).finish();
    expect(layer.diffId).toBe('sha256:5f70bf18a086007016e948b04aed3b82103a36bea41755b6cddfaf10ace3c6ef');
  });

  test.each(['gzip', 'zstd', 'uncompressed'] as const)('has the same bytes whatever the content comes from (%s)', async (compression) => {
    const contents = [
      randomBytes(700_000),
      Buffer.from('a'.repeat(3_000_000)),
      Buffer.from('small'),
      randomBytes(262_144),
      randomBytes(262_145),
    ];
    contents.forEach((bytes, i) => {
      writeFileSync(join(dir, `${i}`), bytes);
    });
    const make = async (source: (bytes: Buffer, i: number) => Buffer | string | AsyncIterable<Uint8Array>) => {
      const sink = createLayerSink(store, { compression });
      for (const [i, bytes] of contents.entries()) await sink.add(entry(`${i}`, { size: bytes.length }), source(bytes, i));
      return sink.finish();
    };
    const fromBytes = await make((bytes) => bytes);
    expect(await make((_, i) => join(dir, `${i}`))).toEqual(fromBytes);
    async function* pieces(bytes: Buffer): AsyncGenerator<Uint8Array> {
      for (let at = 0; at < bytes.length; at += 99_991) yield bytes.subarray(at, at + 99_991);
    }
    expect(await make((bytes) => pieces(bytes))).toEqual(fromBytes);
    const { toc, diffId } = await readLayer(store.open(fromBytes.layer.blob.digest));
    expect(diffId).toBe(fromBytes.layer.diffId);
    expect(toc.entries.map((file) => file.sha256)).toEqual(contents.map(sha256));
  });

  test('has the bytes it always had', async () => {
    const sink = createLayerSink(store, { compression: 'gzip' });
    await sink.add(entry('srv', { type: 'dir', mode: 0o755, uid: 3_000_000 }));
    const text = Buffer.from(Array.from({ length: 400_000 }, (_, i) => `${i * 7919} `).join(''));
    await sink.add(entry('srv/ü', { size: text.length }), text);
    await sink.add(entry('srv/old', { type: 'whiteout' }));
    const { layer } = await sink.finish();
    expect(layer.diffId).toBe('sha256:dcb3c9a83d0dccb94170a57d5f1af6ae20d536450094948dda73227ed7face25');
    // Changes only with the block size, the default level or the zlib inside Node; each makes new digests for users.
    expect(layer.blob.digest).toBe('sha256:fec06f45e907a14d3c3bc68b20dca572166c176ee65d16dae9f745139bf51632');
  });

  test('is the same when many are made at once', async () => {
    const bytes = randomBytes(2_000_000);
    const text = Buffer.from(bytes.toString('base64'));
    const make = async () => {
      const sink = createLayerSink(store, { compression: 'gzip' });
      for (let i = 0; i < 50; i++) await sink.add(entry(`f${i}`, { size: 30_000 }), text.subarray(i * 30_000, (i + 1) * 30_000));
      return (await sink.finish()).layer.blob.digest;
    };
    expect(new Set(await Promise.all(Array.from({ length: 6 }, make))).size).toBe(1);
  });
});

describe('a file that is not what its entry says', () => {
  const add = (size: number, path = join(dir, 'f')) => createLayerSink(store, { compression: 'gzip' }).add(entry('f', { size }), path);

  test.each([
    ['small', 1000],
    ['large', 2_000_000],
  ])('a %s one that grew or shrank', async (_, size) => {
    writeFileSync(join(dir, 'f'), Buffer.alloc(size));
    await expect(async () => add(size - 1)).rejects.toEqual(failsWith('exec/layer-file-changed'));
    truncateSync(join(dir, 'f'), size - 5);
    await expect(async () => add(size)).rejects.toEqual(failsWith('exec/layer-file-changed'));
  });

  test.each([10, 1_000_000])('became a link or a directory, or is gone (size %i)', async (size) => {
    symlinkSync('/etc/passwd', join(dir, 'link'));
    mkdirSync(join(dir, 'dir'));
    for (const name of ['link', 'dir', 'missing']) {
      await expect(async () => add(size, join(dir, name))).rejects.toEqual(failsWith('exec/layer-file-changed'));
    }
  });

  test('has other content than its known digest', async () => {
    const sink = createLayerSink(store, { compression: 'gzip' });
    await expect(async () => sink.add(entry('f', { size: 1, sha256: sha256(Buffer.from('a')) }), Buffer.from('b'))).rejects.toEqual(
      failsWith('exec/layer-file-changed'),
    );
  });

  test('never blocks on a device that took its place', async () => {
    await expect(async () => add(10, '/dev/zero')).rejects.toEqual(failsWith('exec/layer-file-changed'));
  });
});

describe('failures leave nothing behind', () => {
  test('abort ends the writer', async () => {
    const sink = createLayerSink(store, { compression: 'gzip' });
    await sink.add(entry('f', { size: 5_000_000 }), Buffer.alloc(5_000_000));
    expect(store.openWriters).toBe(1);
    await sink.abort();
    await sink.abort();
    expect(store.openWriters).toBe(0);
    expect(store.blobs.size).toBe(0);
  });

  test('an error of the store reaches the caller', async () => {
    const broken = new MemoryBlobStore();
    broken.writer = () => ({
      write: () => Promise.reject(new Error('disk full')),
      commit: () => Promise.reject(new Error('unused')),
      abort: async () => {},
    });
    const sink = createLayerSink(broken, { compression: 'gzip' });
    const fill = async () => {
      for (let i = 0; i < 40; i++) await sink.add(entry(`f${i}`, { size: 1_000_000 }), Buffer.alloc(1_000_000));
      await sink.finish();
    };
    await expect(fill()).rejects.toThrow('disk full');
    await sink.abort();
  });
});
