// Bytes of a chunked stream by amount: exact small pieces for headers, whatever is at hand for
// content. Nothing is copied unless a small piece straddles two chunks.
import { TsbuildError } from '../../../core/errors.ts';

const EMPTY = Buffer.alloc(0);

export function truncated(what: string): TsbuildError {
  return new TsbuildError({
    code: 'exec/layer-truncated',
    message: `the layer tar ends in the middle of ${what}`,
    hint: 'the image or archive is incomplete; pull or build it again',
  });
}

export class ByteQueue {
  readonly #source: AsyncIterator<Uint8Array>;
  #chunk: Buffer = EMPTY;
  #at = 0;

  constructor(source: AsyncIterable<Uint8Array>) {
    this.#source = source[Symbol.asyncIterator]();
  }

  /** `size` bytes that are already here, else null. */
  takeNow(size: number): Buffer | null {
    if (this.#chunk.length - this.#at < size) return null;
    const piece = this.#chunk.subarray(this.#at, this.#at + size);
    this.#at += size;
    return piece;
  }

  /** Exactly `size` bytes; null when the stream is at its end, 'exec/layer-truncated' when it ends within them. */
  async take(size: number, what: string): Promise<Buffer | null> {
    const now = this.takeNow(size);
    if (now !== null) return now;
    const pieces: Buffer[] = [];
    let missing = size;
    while (missing > 0) {
      const piece = this.chunkNow(missing) ?? (await this.chunk(missing));
      if (piece === null) {
        if (missing === size) return null;
        throw truncated(what);
      }
      pieces.push(piece);
      missing -= piece.length;
    }
    return Buffer.concat(pieces);
  }

  /** Between 1 and `limit` bytes that are already here, else null. */
  chunkNow(limit: number): Buffer | null {
    const here = this.#chunk.length - this.#at;
    return here === 0 ? null : this.takeNow(Math.min(here, limit));
  }

  /** Between 1 and `limit` bytes, or null at the end. */
  async chunk(limit: number): Promise<Buffer | null> {
    while (this.#at === this.#chunk.length) {
      const next = await this.#source.next();
      if (next.done === true) return null;
      this.#chunk = Buffer.from(next.value.buffer, next.value.byteOffset, next.value.byteLength);
      this.#at = 0;
    }
    return this.chunkNow(limit);
  }

  /** Up to `size` bytes from the front that stay in the queue; fewer only at the end. */
  async peek(size: number): Promise<Buffer> {
    const pieces: Buffer[] = [];
    for (let missing = size; missing > 0; ) {
      const piece = await this.chunk(missing);
      if (piece === null) break;
      pieces.push(piece);
      missing -= piece.length;
    }
    const head = pieces.length === 1 && pieces[0] !== undefined ? pieces[0] : Buffer.concat(pieces);
    const rest = this.#chunk.subarray(this.#at);
    this.#chunk = rest.length === 0 ? head : Buffer.concat([head, rest]);
    this.#at = 0;
    return head;
  }

  /** Everything that is left, as it arrives. */
  async *rest(): AsyncGenerator<Uint8Array> {
    for (;;) {
      const chunk = this.chunkNow(Number.MAX_SAFE_INTEGER) ?? (await this.chunk(Number.MAX_SAFE_INTEGER));
      if (chunk === null) return;
      yield chunk;
    }
  }

  async skip(size: number, what: string): Promise<void> {
    for (let missing = size; missing > 0; ) {
      const piece = this.chunkNow(missing) ?? (await this.chunk(missing));
      if (piece === null) throw truncated(what);
      missing -= piece.length;
    }
  }

  /** Reads the rest of the stream: what hashes it below us must see every byte. */
  async drain(): Promise<void> {
    while ((await this.chunk(Number.MAX_SAFE_INTEGER)) !== null);
  }

  /** Tells the source that nobody reads on. */
  async close(): Promise<void> {
    await this.#source.return?.();
  }
}
