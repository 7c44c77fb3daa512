// From blocks of tar to a blob: compresses in parallel, writes in order, and keeps what is under way at
// once to a few blocks. A blob is one compressed stream, or several one after another (gzip members).
import { availableParallelism } from 'node:os';
import type { BlobStore, BlobWriter, OnGrowth, StoredBlob } from '../../../cache/blob-store.ts';
import { InvariantError } from '../../../core/errors.ts';
import type { LayerFormat } from '../../executor.ts';
import { COMPRESSION_BLOCK, createCompressor, type LayerCompressor } from './compress.ts';

/** Blocks between tar and blob file at once; bounds memory, has no influence on the bytes. */
const IN_FLIGHT = Math.min(8, availableParallelism() + 2);

export class BlockPipeline {
  readonly #store: BlobStore;
  readonly #format: LayerFormat;
  readonly #onGrowth: OnGrowth | undefined;
  readonly #spare: Buffer[] = [];
  #compressor: LayerCompressor | undefined;
  #writer: BlobWriter | undefined;
  #tail: Promise<void> = Promise.resolve();
  #inFlight = 0;
  #written = 0;
  #failure: unknown;
  #wake: (() => void) | undefined;

  constructor(store: BlobStore, format: LayerFormat, onGrowth?: OnGrowth) {
    this.#store = store;
    this.#format = format;
    this.#onGrowth = onGrowth;
  }

  /** True until the first push. */
  get idle(): boolean {
    return this.#writer === undefined;
  }

  /** Resolves when there is room for another block. `bytes` is a part of `block`, which is reused afterwards. */
  push(bytes: Buffer, block: Buffer): Promise<void> {
    this.#compressor ??= createCompressor(this.#format);
    const compressor = this.#compressor;
    return this.#queue(compressor.push(bytes), (output) => {
      if (output.buffer !== block.buffer) compressor.recycle(output);
      this.#spare.push(block);
    });
  }

  /** Ends the compressed stream that pushes went into; the next push begins another. */
  endStream(): Promise<void> {
    const compressor = this.#compressor;
    if (compressor === undefined) return Promise.resolve();
    this.#compressor = undefined;
    // Its pushes are in front of it in the queue.
    return this.#queue(this.#tail.then(() => compressor.end()));
  }

  /** Appends bytes as they are, between streams. */
  put(bytes: Uint8Array): Promise<void> {
    return this.#queue(Promise.resolve(bytes));
  }

  /** Calls back with the position in the blob at which the next output will stand. */
  mark(onPosition: (position: number) => void): void {
    this.#tail = this.#tail.then(() => onPosition(this.#written));
  }

  /** Resolves when everything handed in so far is in the blob file. */
  async settled(): Promise<void> {
    await this.#tail;
    if (this.#failure !== undefined) throw this.#failure;
  }

  takeBlock(): Buffer {
    return this.#spare.pop() ?? Buffer.allocUnsafeSlow(COMPRESSION_BLOCK);
  }

  async finish(): Promise<StoredBlob> {
    await this.endStream();
    await this.settled();
    if (this.#writer === undefined) throw new InvariantError('nothing was pushed');
    return this.#writer.commit();
  }

  async abort(): Promise<void> {
    this.#failure ??= new InvariantError('layer aborted');
    await this.#tail;
    this.#compressor?.abort();
    await this.#writer?.abort();
  }

  async #queue(output: Promise<Uint8Array>, written?: (output: Uint8Array) => void): Promise<void> {
    this.#writer ??= this.#store.writer(this.#onGrowth);
    this.#inFlight += 1;
    this.#tail = this.#writeAfter(this.#tail, this.#writer, output, written);
    while (this.#inFlight >= IN_FLIGHT && this.#failure === undefined) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    if (this.#failure !== undefined) throw this.#failure;
  }

  /** Never rejects: a failure is kept and thrown by the next push or by finish. */
  async #writeAfter(
    before: Promise<void>,
    writer: BlobWriter,
    output: Promise<Uint8Array>,
    written?: (output: Uint8Array) => void,
  ): Promise<void> {
    try {
      // Both are awaited at once so that a rejection is never left unhandled.
      const [bytes] = await Promise.all([output, before]);
      if (this.#failure === undefined) await writer.write(bytes);
      this.#written += bytes.length;
      written?.(bytes);
    } catch (error) {
      this.#failure ??= error;
    } finally {
      this.#inFlight -= 1;
      this.#wake?.();
      this.#wake = undefined;
    }
  }
}
