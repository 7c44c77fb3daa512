// The stored content of the entry that a tar reader stands at: handed on as it arrives, and skipped
// as far as its consumer left it.
import { type ByteQueue, truncated } from './byte-queue.ts';
import { badLayer, paddingOf } from './tar-format.ts';

export class TarContent implements AsyncIterable<Uint8Array> {
  readonly #queue: ByteQueue;
  readonly #padding: number;
  #left: number;

  constructor(queue: ByteQueue, size: number) {
    this.#queue = queue;
    this.#left = size;
    this.#padding = paddingOf(size);
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array> {
    while (this.#left > 0) {
      const chunk = this.#queue.chunkNow(this.#left) ?? (await this.#queue.chunk(this.#left));
      if (chunk === null) throw truncated('a file');
      this.#left -= chunk.length;
      yield chunk;
    }
  }

  /** Exactly `size` bytes from the front, for maps that precede the data. */
  async take(size: number): Promise<Buffer> {
    const bytes = size <= this.#left ? await this.#queue.take(size, 'a sparse map') : null;
    if (bytes === null) throw badLayer('a sparse map is larger than its entry');
    this.#left -= size;
    return bytes;
  }

  async finish(): Promise<void> {
    const rest = this.#left + this.#padding;
    this.#left = 0;
    // Padding that is already here is the common case and needs no promise.
    if (this.#queue.takeNow(rest) === null) await this.#queue.skip(rest, 'a file');
  }
}
