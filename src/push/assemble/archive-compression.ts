// Archives may come compressed as a whole; the first bytes tell.
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGunzip, createZstdDecompress } from 'node:zlib';
import { badArchive } from './archive-contents.ts';

const MAGIC: readonly (readonly [string, Buffer])[] = [
  ['gzip', Buffer.from([0x1f, 0x8b])],
  ['zstd', Buffer.from([0x28, 0xb5, 0x2f, 0xfd])],
  ['xz', Buffer.from([0xfd, 0x37, 0x7a, 0x58, 0x5a])],
  ['bzip2', Buffer.from('BZh')],
];

/** Name of the compression that `head` begins, or null. */
export const compressionOf = (head: Uint8Array): string | null =>
  MAGIC.find(([, magic]) => magic.equals(head.subarray(0, magic.length)))?.[0] ?? null;

export async function* decompressArchive(input: Readable): AsyncGenerator<Buffer> {
  const chunks = input[Symbol.asyncIterator]() as AsyncIterator<Buffer>;
  let head = Buffer.alloc(0);
  while (head.length < 6) {
    const next = await chunks.next();
    if (next.done === true) break;
    head = Buffer.concat([head, next.value]);
  }
  if (head.length === 0) throw badArchive('it is empty');
  async function* whole(): AsyncGenerator<Buffer> {
    yield head;
    for (let next = await chunks.next(); next.done !== true; next = await chunks.next()) yield next.value;
  }
  const compression = compressionOf(head);
  if (compression === null) yield* whole();
  else if (compression === 'gzip' || compression === 'zstd') {
    const decompressor = compression === 'gzip' ? createGunzip() : createZstdDecompress();
    // A failure destroys the decompressor and so reaches the loop below.
    pipeline(whole(), decompressor).catch(() => undefined);
    yield* decompressor as AsyncIterable<Buffer>;
  } else throw badArchive(`it is compressed with ${compression}; decompress it first, for example with \`${compression} -dc\``);
}
