// Layer compression with bytes that depend on the input alone, never on cores or timing. Gzip is one
// member made of independently deflated blocks of 1 MiB, so that they compress in parallel on the
// thread pool; every gzip reader accepts it. Zstd is one frame. See docs/performance-compression.md.
import { constants, crc32, createZstdCompress, deflateRaw, deflateRawSync, type ZstdCompress, zstdCompressSync } from 'node:zlib';
import type { LayerFormat } from '../../executor.ts';
import { looksIncompressible, storeBlock, storedSize } from './stored-block.ts';

/** Bytes of tar that are compressed together. Part of the output format: changing it changes layer digests. */
export const COMPRESSION_BLOCK = 1024 * 1024;

export const DEFAULT_GZIP_LEVEL = 4;
export const DEFAULT_ZSTD_LEVEL = 3;

/** No name, no time, OS unknown: the header of Go's gzip writer, too. */
const GZIP_HEADER = Buffer.from([0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff]);
/** An empty final block with fixed codes ends the deflate stream. */
const DEFLATE_END = Buffer.from([3, 0]);
/** Room for a block that deflate could not shrink, so that the output comes in one piece. */
const OUTPUT_ROOM = COMPRESSION_BLOCK + 1024;

export interface LayerCompressor {
  /**
   * Starts on the next block. May be called again before the promise resolves; outputs belong
   * together in call order. `block` must not change until the promise resolves.
   */
  push(block: Uint8Array): Promise<Uint8Array>;
  /** The last bytes; only after every push has resolved. */
  end(): Promise<Uint8Array>;
  /** Takes back an output that is no longer used. */
  recycle(output: Uint8Array): void;
  abort(): void;
}

export function createCompressor(format: LayerFormat): LayerCompressor {
  switch (format.compression) {
    case 'gzip':
      return new GzipCompressor(gzipLevel(format));
    case 'zstd':
      return new ZstdCompressor(zstdLevel(format));
    case 'uncompressed':
      return { push: async (block) => block, end: async () => new Uint8Array(0), recycle: () => {}, abort: () => {} };
  }
}

/** Levels outside the codec's range mean its ends. */
const gzipLevel = (format: LayerFormat): number => Math.min(9, Math.max(0, format.level ?? DEFAULT_GZIP_LEVEL));
const zstdLevel = (format: LayerFormat): number => Math.min(22, Math.max(1, format.level ?? DEFAULT_ZSTD_LEVEL));

/** A whole small layer at once, without a trip to the thread pool. Gzip bytes equal those of `createCompressor`. */
export function compressSmall(format: LayerFormat, tar: Uint8Array): Uint8Array {
  switch (format.compression) {
    case 'gzip': {
      const level = gzipLevel(format);
      const body = looksIncompressible(tar, level) ? storeBlock(tar) : deflateRawSync(tar, deflateOptions(level, tar.length + 1024));
      return Buffer.concat([GZIP_HEADER, body, DEFLATE_END, gzipTrailer(crc32(tar), tar.length)]);
    }
    case 'zstd':
      return zstdCompressSync(tar, zstdOptions(zstdLevel(format), tar.length + 1024));
    case 'uncompressed':
      return tar;
  }
}

/**
 * A sync flush ends each block at a byte boundary; blocks share no history because each has its own stream.
 * memLevel 9 is faster, and keeps zlib from choosing its hash size by the features of the CPU.
 */
const deflateOptions = (level: number, room = OUTPUT_ROOM) => ({
  level,
  memLevel: 9,
  chunkSize: room,
  finishFlush: constants.Z_SYNC_FLUSH,
});

const zstdOptions = (level: number, room = OUTPUT_ROOM) => ({
  chunkSize: room,
  params: { [constants.ZSTD_c_compressionLevel]: level, [constants.ZSTD_c_checksumFlag]: 1 },
});

function gzipTrailer(crc: number, size: number): Buffer {
  const trailer = Buffer.alloc(8);
  trailer.writeUInt32LE(crc, 0);
  trailer.writeUInt32LE(size % 2 ** 32, 4);
  return trailer;
}

class GzipCompressor implements LayerCompressor {
  readonly #level: number;
  readonly #spare: Buffer[] = [];
  #crc = 0;
  #size = 0;

  constructor(level: number) {
    this.#level = level;
  }

  async push(block: Uint8Array): Promise<Uint8Array> {
    const first = this.#size === 0;
    this.#crc = crc32(block, this.#crc);
    this.#size += block.length;
    const body = looksIncompressible(block, this.#level)
      ? storeBlock(block, this.#spare.pop() ?? Buffer.allocUnsafeSlow(storedSize(COMPRESSION_BLOCK)))
      : await this.#deflate(block);
    return first ? Buffer.concat([GZIP_HEADER, body]) : body;
  }

  async end(): Promise<Uint8Array> {
    const head = this.#size === 0 ? GZIP_HEADER : Buffer.alloc(0);
    return Buffer.concat([head, DEFLATE_END, gzipTrailer(this.#crc, this.#size)]);
  }

  recycle(output: Uint8Array): void {
    const whole = storedSize(COMPRESSION_BLOCK);
    if (output.byteOffset === 0 && output.length === whole && output.buffer.byteLength === whole)
      this.#spare.push(Buffer.from(output.buffer));
  }

  abort(): void {}

  #deflate(block: Uint8Array): Promise<Buffer> {
    return new Promise((resolve, reject) => {
      deflateRaw(block, deflateOptions(this.#level), (error, output) => (error === null ? resolve(output) : reject(error)));
    });
  }
}

class ZstdCompressor implements LayerCompressor {
  readonly #stream: ZstdCompress;
  #output: Buffer[] = [];
  #failure: Error | undefined;

  constructor(level: number) {
    this.#stream = createZstdCompress(zstdOptions(level));
    this.#stream.on('data', (chunk: Buffer) => this.#output.push(chunk));
    this.#stream.on('error', (error) => {
      this.#failure = error;
    });
  }

  push(block: Uint8Array): Promise<Uint8Array> {
    return new Promise((resolve, reject) => {
      this.#stream.write(block, (error) => (error ? reject(error) : resolve(this.#take())));
    });
  }

  end(): Promise<Uint8Array> {
    return new Promise((resolve, reject) => {
      if (this.#failure !== undefined) reject(this.#failure);
      this.#stream.once('error', reject);
      this.#stream.once('end', () => resolve(this.#take()));
      this.#stream.end();
    });
  }

  recycle(): void {}

  abort(): void {
    this.#stream.destroy();
  }

  #take(): Buffer {
    const output = this.#output;
    this.#output = [];
    return output.length === 1 && output[0] !== undefined ? output[0] : Buffer.concat(output);
  }
}
