// A blob of several gzip members: tar bytes go in, and the caller says where a new member begins and is
// told where it came to stand. The bytes depend on the input and the members alone.
import type { BlobStore, StoredBlob } from '../../../cache/blob-store.ts';
import { type DiffId, hasher } from '../../../core/digest.ts';
import { BlockPipeline } from './block-pipeline.ts';
import { COMPRESSION_BLOCK, compressSmall } from './compress.ts';

/** Members up to this many bytes are compressed where they stand: the trip to the thread pool would cost more. */
const SMALL_MEMBER = 64 * 1024;

export class GzipMembers {
  readonly #format: { readonly compression: 'gzip'; readonly level?: number };
  readonly #output: BlockPipeline;
  readonly #diff = hasher();
  #block: Buffer = Buffer.allocUnsafeSlow(COMPRESSION_BLOCK);
  #used = 0;
  /** Bytes of this member that are in the pipeline already. */
  #pushed = 0;
  #size = 0;

  constructor(store: BlobStore, level?: number) {
    this.#format = { compression: 'gzip', ...(level === undefined ? {} : { level }) };
    this.#output = new BlockPipeline(store, this.#format);
  }

  /** Uncompressed bytes so far. */
  get size(): number {
    return this.#size;
  }

  /** A promise only when a block had to be handed on; await it before the next call. */
  write(bytes: Uint8Array): Promise<void> | undefined {
    if (this.#used + bytes.length >= COMPRESSION_BLOCK) return this.#writeAcross(bytes);
    this.#block.set(bytes, this.#used);
    this.#used += bytes.length;
    this.#size += bytes.length;
    return undefined;
  }

  /** What is written next is a member of its own; `onPosition` hears where, before `settled` resolves. */
  async begin(onPosition: (position: number) => void): Promise<void> {
    await this.#endMember();
    this.#output.mark(onPosition);
  }

  /** Resolves when every position that was asked for is known. */
  settled(): Promise<void> {
    return this.#output.settled();
  }

  /** Ends the last member and appends `footer`, which is no part of the tar. */
  async finish(footer: Uint8Array): Promise<{ readonly blob: StoredBlob; readonly diffId: DiffId }> {
    await this.#endMember();
    await this.#output.put(footer);
    return { blob: await this.#output.finish(), diffId: this.#diff.diffId() };
  }

  abort(): Promise<void> {
    return this.#output.abort();
  }

  async #endMember(): Promise<void> {
    const rest = this.#block.subarray(0, this.#used);
    if (this.#pushed === 0 && this.#used <= SMALL_MEMBER) {
      if (this.#used === 0) return;
      this.#diff.update(rest);
      this.#used = 0;
      await this.#output.put(compressSmall(this.#format, rest));
      return;
    }
    if (this.#used > 0) await this.#flush();
    this.#pushed = 0;
    await this.#output.endStream();
  }

  async #writeAcross(bytes: Uint8Array): Promise<void> {
    for (let at = 0; at < bytes.length; ) {
      const piece = bytes.subarray(at, at + COMPRESSION_BLOCK - this.#used);
      this.#block.set(piece, this.#used);
      this.#used += piece.length;
      at += piece.length;
      if (this.#used === COMPRESSION_BLOCK) await this.#flush();
    }
    this.#size += bytes.length;
  }

  async #flush(): Promise<void> {
    const block = this.#block;
    const bytes = block.subarray(0, this.#used);
    const room = this.#output.push(bytes, block);
    this.#diff.update(bytes);
    this.#pushed += bytes.length;
    await room;
    this.#block = this.#output.takeBlock();
    this.#used = 0;
  }
}
