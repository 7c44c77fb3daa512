// Entries in, finished layer out, in one pass: tar → diffID → compression → blob, and at the same
// time the table of contents. Small files are read synchronously (the promise API costs 3.7 times as
// much), large ones block by block with at most a few blocks in flight.
import { hash } from 'node:crypto';
import type { BlobStore, OnGrowth, StoredBlob } from '../../cache/blob-store.ts';
import { TocBuilder } from '../../cache/toc-codec.ts';
import { type DiffId, hasher } from '../../core/digest.ts';
import { InvariantError } from '../../core/errors.ts';
import type { FileEntry } from '../../core/file-entry.ts';
import { layerMediaType } from '../../core/media-types.ts';
import type { LayerFormat, LayerResult } from '../executor.ts';
import { BlockPipeline } from './compression/block-pipeline.ts';
import { COMPRESSION_BLOCK, compressSmall } from './compression/compress.ts';
import { FileReader, fileChanged } from './file-reader.ts';
import { isIdentityFile } from './identity-files.ts';
import { paddingOf } from './tar/tar-format.ts';
import { END_OF_TAR, encodeHeader } from './tar/tar-write.ts';
import { whiteoutOf } from './whiteout.ts';

/** Content of a regular file: bytes, the host path of a file, or a stream; exactly `entry.size` bytes. */
export type LayerContent = Uint8Array | string | AsyncIterable<Uint8Array>;

export interface LayerSink {
  /**
   * Appends an entry. Await each call before the next: that is the back-pressure. A file needs
   * content unless its size is 0. Errors: 'exec/layer-file-changed' when the content is not what
   * the entry says, 'exec/layer-read' when it cannot be read.
   */
  add(entry: FileEntry, content?: LayerContent): Promise<void>;
  /** The layer, with its blob in the store. No other call may follow. */
  finish(): Promise<LayerResult>;
  /** Leaves nothing behind; harmless after `finish`. */
  abort(): Promise<void>;
}

/** Layers up to this many bytes of tar skip the thread pool: the trip would cost more than the work. */
const SMALL_LAYER = 64 * 1024;
/** Most layers of a long Dockerfile need no more. */
const FIRST_BLOCK = 4 * 1024;
const DONE: Promise<void> = Promise.resolve();

/** `onGrowth` hears of the blob of a layer that is more than small. */
export const createLayerSink = (store: BlobStore, format: LayerFormat, onGrowth?: OnGrowth): LayerSink =>
  new StreamingSink(store, format, onGrowth);

class StreamingSink implements LayerSink {
  readonly #format: LayerFormat;
  readonly #output: BlockPipeline;
  readonly #store: BlobStore;
  readonly #diff = hasher();
  readonly #files = new FileReader();
  readonly #toc = new TocBuilder();
  readonly #identityFiles: Record<string, string> = {};
  #block: Buffer = Buffer.allocUnsafeSlow(FIRST_BLOCK);
  #used = 0;

  constructor(store: BlobStore, format: LayerFormat, onGrowth?: OnGrowth) {
    this.#store = store;
    this.#format = format;
    this.#output = new BlockPipeline(store, format, onGrowth);
  }

  add(entry: FileEntry, content?: LayerContent): Promise<void> {
    if (entry.type !== 'file') {
      this.#toc.add(entry.type === 'whiteout' ? whiteoutOf(entry.path) : entry);
      return this.#append(encodeHeader(entry)) ?? DONE;
    }
    if (content === undefined && entry.size > 0) throw new InvariantError(`no content for ${JSON.stringify(entry.path)}`);
    if (typeof content === 'string' && !this.#files.isSmall(entry.size)) return this.#addLarge(entry, this.#files.blocks(content, entry));
    if (content instanceof Uint8Array || typeof content !== 'object') {
      const bytes = typeof content === 'string' ? this.#files.readSmall(content, entry) : (content ?? END_OF_TAR.subarray(0, 0));
      return this.#addBytes(entry, bytes);
    }
    return this.#addLarge(entry, content);
  }

  async finish(): Promise<LayerResult> {
    await this.#append(END_OF_TAR);
    const rest = this.#block.subarray(0, this.#used);
    let blob: StoredBlob;
    let diffId: DiffId;
    if (this.#output.idle && rest.length <= SMALL_LAYER) {
      this.#diff.update(rest);
      diffId = this.#diff.diffId();
      blob = await this.#store.put(compressSmall(this.#format, rest));
    } else {
      if (rest.length > 0) await this.#flush();
      diffId = this.#diff.diffId();
      blob = await this.#output.finish();
    }
    const mediaType = layerMediaType(this.#format.compression);
    return {
      layer: { diffId, blob: { mediaType, digest: blob.digest, size: blob.size } },
      toc: this.#toc.finish(this.#identityFiles),
    };
  }

  abort(): Promise<void> {
    return this.#output.abort();
  }

  #addBytes(entry: FileEntry, bytes: Uint8Array): Promise<void> {
    if (bytes.length !== entry.size) throw fileChanged(entry, bytes.length);
    this.#record(entry, hash('sha256', bytes, 'hex'));
    if (isIdentityFile(entry)) this.#identityFiles[entry.path] = Buffer.from(bytes).toString('utf8');
    const header = encodeHeader(entry);
    const padding = paddingOf(bytes.length);
    const total = header.length + bytes.length + padding;
    if (this.#used + total >= this.#block.length) return this.#appendAll([header, bytes, END_OF_TAR.subarray(0, padding)]);
    // The common case, without a promise: everything fits into the current block.
    this.#block.set(header, this.#used);
    this.#block.set(bytes, this.#used + header.length);
    this.#block.fill(0, this.#used + total - padding, this.#used + total);
    this.#used += total;
    return DONE;
  }

  async #addLarge(entry: FileEntry, content: AsyncIterable<Uint8Array>): Promise<void> {
    await this.#append(encodeHeader(entry));
    const contentHash = hasher();
    const kept: Uint8Array[] | null = isIdentityFile(entry) ? [] : null;
    let size = 0;
    for await (const chunk of content) {
      size += chunk.length;
      if (size > entry.size) throw fileChanged(entry, size);
      contentHash.update(chunk);
      kept?.push(Uint8Array.from(chunk));
      await this.#append(chunk);
    }
    if (size !== entry.size) throw fileChanged(entry, size);
    this.#record(entry, contentHash.contentKey().slice(7));
    if (kept !== null) this.#identityFiles[entry.path] = Buffer.concat(kept).toString('utf8');
    await this.#append(END_OF_TAR.subarray(0, paddingOf(size)));
  }

  /** A digest the caller knew beforehand (stat cache) must be the one that was read. */
  #record(entry: FileEntry, sha256: string): void {
    if (entry.sha256 !== undefined && entry.sha256 !== sha256) throw fileChanged(entry, entry.size);
    this.#toc.add(entry.sha256 === undefined ? { ...entry, sha256 } : entry);
  }

  async #appendAll(pieces: readonly Uint8Array[]): Promise<void> {
    for (const piece of pieces) await this.#append(piece);
  }

  /** Copies `bytes` into blocks; a promise only when a block had to be handed on. */
  #append(bytes: Uint8Array): Promise<void> | undefined {
    if (this.#used + bytes.length < this.#block.length) {
      this.#block.set(bytes, this.#used);
      this.#used += bytes.length;
      return undefined;
    }
    return this.#appendAcross(bytes);
  }

  async #appendAcross(bytes: Uint8Array): Promise<void> {
    for (let at = 0; at < bytes.length; ) {
      if (this.#used === this.#block.length) await this.#makeRoom();
      const piece = bytes.subarray(at, at + this.#block.length - this.#used);
      this.#block.set(piece, this.#used);
      this.#used += piece.length;
      at += piece.length;
    }
  }

  async #makeRoom(): Promise<void> {
    if (this.#block.length === COMPRESSION_BLOCK) return this.#flush();
    const larger = Buffer.allocUnsafeSlow(this.#block.length < SMALL_LAYER ? SMALL_LAYER : COMPRESSION_BLOCK);
    this.#block.copy(larger, 0, 0, this.#used);
    this.#block = larger;
  }

  async #flush(): Promise<void> {
    const block = this.#block;
    const bytes = block.subarray(0, this.#used);
    const room = this.#output.push(bytes, block);
    // Hashed after the compressor has started on it, so both run at once.
    this.#diff.update(bytes);
    await room;
    this.#block = this.#output.takeBlock();
    this.#used = 0;
  }
}
