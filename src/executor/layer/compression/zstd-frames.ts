// Cuts a zstd stream into frames. Layers may be many frames (zstd:chunked has one for each file) and
// node:zlib stops after the first, so the frame structure is walked here. RFC 8878, section 3.1.
import { type ByteQueue, truncated } from '../tar/byte-queue.ts';
import { badCompression } from './compression-error.ts';

const MAGIC = 0xfd2fb528;
const SKIPPABLE = 0x184d2a50;
const BLOCK_MAX = 128 * 1024;

/** Bytes of the frame at the front of `queue` in pieces, or null at the end. Skippable frames are passed over. */
export async function nextFrame(queue: ByteQueue): Promise<AsyncGenerator<Uint8Array> | null> {
  for (;;) {
    const magic = await queue.take(4, 'a zstd frame');
    if (magic === null) return null;
    const value = magic.readUInt32LE(0);
    if (value === MAGIC) return frameBytes(queue, Buffer.from(magic));
    if ((value & 0xfffffff0) >>> 0 !== SKIPPABLE) throw badCompression('zstd', 'unknown bytes where a frame should start');
    const size = await exactly(queue, 4);
    await queue.skip(size.readUInt32LE(0), 'a skippable zstd frame');
  }
}

async function* frameBytes(queue: ByteQueue, magic: Buffer): AsyncGenerator<Uint8Array> {
  yield magic;
  const descriptor = await exactly(queue, 1);
  const flags = descriptor[0] ?? 0;
  yield Buffer.from(descriptor);
  yield Buffer.from(await exactly(queue, headerRest(flags)));
  for (let last = false; !last; ) {
    const header = Buffer.from(await exactly(queue, 3));
    const bits = header.readUIntLE(0, 3);
    last = (bits & 1) === 1;
    const size = bits >> 3;
    if (size > BLOCK_MAX) throw badCompression('zstd', 'a block is larger than the format allows');
    yield header;
    // A run-length block (type 1) stores one byte whatever its size.
    for (let left = ((bits >> 1) & 3) === 1 ? 1 : size; left > 0; ) {
      const piece = queue.chunkNow(left) ?? (await queue.chunk(left));
      if (piece === null) throw truncated('a zstd block');
      left -= piece.length;
      yield piece;
    }
  }
  if ((flags & 4) !== 0) yield Buffer.from(await exactly(queue, 4));
}

/** Bytes of the frame header after its descriptor: window, dictionary id, content size. */
function headerRest(flags: number): number {
  const singleSegment = (flags & 0x20) !== 0;
  const window = singleSegment ? 0 : 1;
  const dictionary = [0, 1, 2, 4][flags & 3] ?? 0;
  const contentSize = [singleSegment ? 1 : 0, 2, 4, 8][flags >> 6] ?? 0;
  return window + dictionary + contentSize;
}

async function exactly(queue: ByteQueue, size: number): Promise<Buffer> {
  const bytes = size === 0 ? Buffer.alloc(0) : await queue.take(size, 'a zstd frame');
  if (bytes === null) throw truncated('a zstd frame');
  return bytes;
}
