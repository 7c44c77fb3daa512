// Laws of the layer tar: what is written is what is read, in whatever pieces it arrives; the bytes
// depend on the entries alone; no input makes the reader fail in another way than with a code.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { TsbuildError } from '../../src/core/errors.ts';
import type { FileEntry } from '../../src/core/file-entry.ts';
import { pathFromBytes } from '../../src/core/path-bytes.ts';
import { createLayerSink } from '../../src/executor/layer/layer-sink.ts';
import { readTar } from '../../src/executor/layer/tar/tar-read.ts';
import { END_OF_TAR, encodeHeader } from '../../src/executor/layer/tar/tar-write.ts';
import { readLayer } from '../../src/executor/layer/toc.ts';
import { MemoryBlobStore } from '../support/memory-blob-store.ts';
import { chunked } from '../unit/layer/raw-tar.ts';

/** One component of a path: any bytes a file system takes, often long or not UTF-8. */
const component = fc
  .oneof(
    fc.uint8Array({ minLength: 1, maxLength: 12 }),
    fc.string({ unit: 'binary', minLength: 1, maxLength: 60 }).map((text) => Buffer.from(text)),
    fc.integer({ min: 90, max: 160 }).map((length) => Buffer.alloc(length, 'n')),
  )
  .map((bytes) => pathFromBytes(Buffer.from(bytes).map((byte) => (byte === 0 || byte === 0x2f ? 0x5f : byte))))
  .filter((name) => name !== '.' && name !== '..' && !name.startsWith('.wh.'));
const path = fc.array(component, { minLength: 1, maxLength: 4 }).map((parts) => parts.join('/'));
const xattrs = fc.dictionary(
  fc.stringMatching(/^user\.[a-z]{1,8}$/),
  fc.uint8Array({ maxLength: 20 }).map((bytes) => Buffer.from(bytes).toString('latin1')),
  { minKeys: 1, maxKeys: 3, noNullPrototype: true },
);

const entry: fc.Arbitrary<FileEntry> = fc
  .record({
    path,
    type: fc.constantFrom('file', 'dir', 'symlink', 'char', 'block', 'fifo', 'whiteout'),
    mode: fc.integer({ min: 0, max: 0o7777 }),
    uid: fc.oneof(fc.integer({ min: 0, max: 70_000 }), fc.integer({ min: 2_097_150, max: 0xffffffff })),
    gid: fc.oneof(fc.integer({ min: 0, max: 70_000 }), fc.integer({ min: 2_097_150, max: 0xffffffff })),
    mtime: fc.oneof(fc.integer({ min: 0, max: 2_000_000_000 }), fc.integer({ min: -10_000_000_000, max: 100_000_000_000 })),
    link: path,
    devMajor: fc.integer({ min: 1, max: 4095 }),
    devMinor: fc.integer({ min: 1, max: 1_048_575 }),
    xattrs: fc.option(xattrs, { nil: undefined }),
  })
  .map(({ type, link, devMajor, devMinor, xattrs: attributes, ...base }): FileEntry => {
    if (type === 'whiteout') return { path: base.path, type, mode: 0, uid: 0, gid: 0, size: 0, mtime: 0 };
    const common = { ...base, size: 0, ...(attributes === undefined ? {} : { xattrs: attributes }) };
    if (type === 'symlink') return { ...common, type, link };
    return type === 'char' || type === 'block' ? { ...common, type, devMajor, devMinor } : { ...common, type };
  });
const content = fc.oneof(
  fc.uint8Array({ maxLength: 600 }),
  fc.integer({ min: 0, max: 70_000 }).map((size) => Buffer.alloc(size, 'c')),
);

async function readAll(bytes: Uint8Array, chunk: number): Promise<{ entry: FileEntry; content: Buffer }[]> {
  const out: { entry: FileEntry; content: Buffer }[] = [];
  for await (const item of readTar(chunked(bytes, chunk))) {
    const pieces: Buffer[] = [];
    for await (const piece of item.content) pieces.push(Buffer.from(piece));
    out.push({ entry: item.entry, content: Buffer.concat(pieces) });
  }
  return out;
}

describe('tar', () => {
  test('reading gives what was written, for any chunk size', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.tuple(entry, content), { maxLength: 8 }), fc.integer({ min: 1, max: 5000 }), async (items, chunk) => {
        const expected = items.map(([raw, bytes]) => {
          const isFile = raw.type === 'file';
          return { entry: isFile ? { ...raw, size: bytes.length } : raw, content: Buffer.from(isFile ? bytes : []) };
        });
        const tar = Buffer.concat([
          ...expected.flatMap((item) => [encodeHeader(item.entry), item.content, Buffer.alloc((512 - (item.content.length % 512)) % 512)]),
          END_OF_TAR,
        ]);
        expect(await readAll(tar, chunk)).toEqual(expected);
      }),
      { numRuns: 200 },
    );
  });

  test('any damage is read as something else or refused with a code, never a raw exception', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(entry, { minLength: 1, maxLength: 4 }),
        fc.array(fc.tuple(fc.nat(), fc.integer({ min: 0, max: 255 })), { minLength: 1, maxLength: 6 }),
        fc.nat(),
        fc.boolean(),
        async (entries, patches, cut, fixChecksum) => {
          let tar = Buffer.concat([...entries.map(encodeHeader), END_OF_TAR]);
          for (const [at, byte] of patches) tar[at % tar.length] = byte;
          if (fixChecksum) fixChecksums(tar);
          if (cut % 3 === 0) tar = tar.subarray(0, cut % tar.length);
          try {
            await readAll(tar, 700);
          } catch (error) {
            expect(error).toBeInstanceOf(TsbuildError);
            expect((error as TsbuildError).code).toMatch(/^exec\/layer-/);
          }
        },
      ),
      { numRuns: 400 },
    );
  });

  test('random bytes are refused with a code', async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ minLength: 1, maxLength: 3000 }), async (bytes) => {
        try {
          await readLayer(chunked(bytes, 100));
        } catch (error) {
          expect(error).toBeInstanceOf(TsbuildError);
        }
      }),
      { numRuns: 200 },
    );
  });
});

/** Damage must get past the checksum to reach the rest of the reader. */
function fixChecksums(tar: Buffer): void {
  for (let at = 0; at + 512 <= tar.length; at += 512) {
    let sum = 256;
    for (let i = 0; i < 512; i++) if (i < 148 || i >= 156) sum += tar[at + i] ?? 0;
    if (sum > 256) tar.write(`${sum.toString(8).padStart(6, '0')}\0 `, at + 148, 'latin1');
  }
}

test('layers made at the same time, from pieces of any size, have the same bytes and contents', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.tuple(component, content), { maxLength: 6 }),
      fc.constantFrom('gzip' as const, 'zstd' as const, 'uncompressed' as const),
      fc.integer({ min: 1, max: 40_000 }),
      async (files, compression, piece) => {
        const store = new MemoryBlobStore();
        const make = async (pieces: boolean) => {
          const sink = createLayerSink(store, { compression });
          for (const [i, [name, bytes]] of files.entries()) {
            const file: FileEntry = { path: `${i}${name}`, type: 'file', mode: 0o644, uid: 0, gid: 0, size: bytes.length, mtime: i };
            await sink.add(file, pieces ? chunked(bytes, piece) : bytes);
          }
          return sink.finish();
        };
        const [one, two] = await Promise.all([make(false), make(true)]);
        expect(two).toEqual(one);
        const read = await readLayer(store.open(one.layer.blob.digest), { diffId: one.layer.diffId });
        expect(read.toc).toEqual(one.toc);
      },
    ),
    { numRuns: 60 },
  );
});
