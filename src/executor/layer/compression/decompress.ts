// Layer blob → tar bytes. The content decides the codec, as in containerd, because media types lie;
// gzip of many members and zstd of many frames are read to the end. Output is bounded absolutely and,
// once it is large, in proportion to the input, against decompression bombs.
import { pipeline, Readable } from 'node:stream';
import { createGunzip, createZstdDecompress } from 'node:zlib';
import { TsbuildError } from '../../../core/errors.ts';
import { type Compression, layerCompression } from '../../../core/media-types.ts';
import { ByteQueue } from '../tar/byte-queue.ts';
import { badCompression } from './compression-error.ts';
import { nextFrame } from './zstd-frames.ts';

export interface DecompressLimits {
  /** Bytes of output. */
  readonly maxSize: number;
  /** Output bytes for one input byte; deflate cannot exceed 1032, zstd can. */
  readonly maxRatio: number;
  /** Output below this is never judged by its ratio. */
  readonly ratioFloor: number;
}

/** A layer of zeros (a preallocated file) is legal up to what deflate can express. */
export const DEFAULT_DECOMPRESS_LIMITS: DecompressLimits = { maxSize: 256 * 1024 ** 3, maxRatio: 1100, ratioFloor: 1024 ** 3 };

const OUTPUT_CHUNK = 256 * 1024;
const MAGIC_BYTES = 6;

/**
 * Tar bytes of a blob. Errors: 'exec/layer-compression' (damaged, incomplete or not what `mediaType`
 * says), 'exec/layer-too-large', and those of `source`.
 */
export async function* decompressLayer(
  source: AsyncIterable<Uint8Array>,
  mediaType?: string,
  limits: Partial<DecompressLimits> = {},
): AsyncGenerator<Uint8Array> {
  const meter = new Meter({ ...DEFAULT_DECOMPRESS_LIMITS, ...limits });
  const queue = new ByteQueue(meter.countInput(source));
  const first = await queue.peek(MAGIC_BYTES);
  const compression = sniffCompression(first);
  const promised = mediaType === undefined ? null : layerCompression(mediaType);
  if (compression === 'uncompressed' && promised !== null && promised !== 'uncompressed' && !looksLikeTar(first)) {
    await queue.close();
    throw badCompression(promised, 'its first bytes are of no such stream');
  }
  try {
    const output = compression === 'gzip' ? gunzip(queue) : compression === 'zstd' ? unzstd(queue) : queue.rest();
    for await (const chunk of output) {
      meter.countOutput(chunk.length);
      yield chunk;
    }
  } finally {
    await queue.close();
  }
}

/** Codec by magic number; everything unknown is a plain tar, to be judged by the tar reader. */
export function sniffCompression(head: Uint8Array): Compression {
  if (head[0] === 0x1f && head[1] === 0x8b) return 'gzip';
  const magic = head.length >= 4 ? Buffer.from(head.buffer, head.byteOffset, 4).readUInt32LE(0) : 0;
  return magic === 0xfd2fb528 || (magic & 0xfffffff0) >>> 0 === 0x184d2a50 ? 'zstd' : 'uncompressed';
}

/** A member name starts with a printable byte, an empty archive with zeros. */
function looksLikeTar(head: Uint8Array): boolean {
  const byte = head[0];
  return byte !== undefined && (byte === 0 || byte >= 0x20);
}

class Meter {
  readonly #limits: DecompressLimits;
  #input = 0;
  #output = 0;

  constructor(limits: DecompressLimits) {
    this.#limits = limits;
  }

  async *countInput(source: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
    for await (const chunk of source) {
      this.#input += chunk.length;
      yield chunk;
    }
  }

  countOutput(bytes: number): void {
    this.#output += bytes;
    const { maxSize, maxRatio, ratioFloor } = this.#limits;
    const ratioLimit = Math.max(ratioFloor, this.#input * maxRatio);
    if (this.#output <= maxSize && this.#output <= ratioLimit) return;
    const why = this.#output > maxSize ? `more than ${maxSize} bytes` : `more than ${maxRatio} times its compressed size`;
    throw new TsbuildError({
      code: 'exec/layer-too-large',
      message: `the layer decompresses to ${why}`,
      hint: 'do not use this image unless you know why its layer is so large',
      data: { input: this.#input, output: this.#output },
    });
  }
}

async function* gunzip(queue: ByteQueue): AsyncGenerator<Uint8Array> {
  const codec = createGunzip({ chunkSize: OUTPUT_CHUNK });
  yield* through(queue.rest(), codec, 'gzip');
}

async function* unzstd(queue: ByteQueue): AsyncGenerator<Uint8Array> {
  for (let frame = await nextFrame(queue); frame !== null; frame = await nextFrame(queue)) {
    yield* through(frame, createZstdDecompress({ chunkSize: OUTPUT_CHUNK }), 'zstd');
  }
}

/** Output of `codec` fed with `input`. Leaving early stops both. */
async function* through(
  input: AsyncIterable<Uint8Array>,
  codec: ReturnType<typeof createGunzip> | ReturnType<typeof createZstdDecompress>,
  compression: Compression,
): AsyncGenerator<Uint8Array> {
  // The callback only keeps the error from being unhandled: iterating `codec` throws it, too.
  pipeline(Readable.from(input, { objectMode: false, highWaterMark: OUTPUT_CHUNK }), codec, () => {});
  try {
    for await (const chunk of codec) yield chunk as Buffer;
  } catch (error) {
    throw isCodecError(error) ? badCompression(compression, describe(error), error) : error;
  } finally {
    codec.destroy();
  }
}

interface CodecError extends Error {
  readonly code: string;
}

/** zlib's own errors: Z_DATA_ERROR, Z_BUF_ERROR…, ZSTD_error_…; those of the source pass unchanged. */
const isCodecError = (error: unknown): error is CodecError =>
  error instanceof Error && 'code' in error && typeof error.code === 'string' && /^(Z_|ZSTD_)/.test(error.code);

const describe = (error: CodecError): string => (error.code === 'Z_BUF_ERROR' ? 'it ends too early' : 'its data is damaged');
