// type=tar: the root file system of an image as one tar stream (E-09). Owners, modes and times are
// kept; with an epoch every time becomes it, as in BuildKit.
import { Readable, type Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { BlobStore } from '../../../cache/blob-store.ts';
import type { FileEntry } from '../../../core/file-entry.ts';
import { paddingOf } from '../tar/tar-format.ts';
import { END_OF_TAR, encodeHeader } from '../tar/tar-write.ts';
import { type RootfsTree, readFlatFiles } from './flatten.ts';
import { planTrees } from './flatten-trees.ts';

export interface FlattenOptions {
  /** Seconds; replaces every modification time. */
  readonly epoch?: number;
  readonly signal?: AbortSignal;
}

/** Bytes that are gathered before they are handed on. */
const PIECE = 256 * 1024;

/** Writes one tar of all trees and ends `out`. */
export async function writeRootfsTar(
  trees: readonly RootfsTree[],
  store: BlobStore,
  out: Writable,
  options: FlattenOptions = {},
): Promise<void> {
  const pieces = gather(tarChunks(trees, store, options.epoch));
  await pipeline(Readable.from(pieces, { objectMode: false }), out, options.signal === undefined ? {} : { signal: options.signal });
}

async function* tarChunks(trees: readonly RootfsTree[], store: BlobStore, epoch: number | undefined): AsyncGenerator<Uint8Array> {
  const header = (entry: FileEntry): Buffer => encodeHeader(epoch === undefined ? entry : { ...entry, mtime: epoch });
  for (const { tree, layers } of planTrees(trees)) {
    for (const node of tree.nodes) yield header(node);
    for await (const { entry, links, content } of readFlatFiles(tree, layers, store)) {
      yield header(entry);
      for await (const chunk of content) yield chunk;
      yield Buffer.alloc(paddingOf(entry.size));
      for (const link of links) yield header(link);
    }
  }
  yield END_OF_TAR;
}

/** Copies into pieces of its own: chunks of a layer are only valid until the next one is asked for. */
async function* gather(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Buffer> {
  let piece = Buffer.allocUnsafeSlow(PIECE);
  let used = 0;
  for await (const chunk of chunks) {
    for (let at = 0; at < chunk.length; ) {
      const part = chunk.subarray(at, at + PIECE - used);
      piece.set(part, used);
      used += part.length;
      at += part.length;
      if (used < PIECE) continue;
      yield piece;
      piece = Buffer.allocUnsafeSlow(PIECE);
      used = 0;
    }
  }
  if (used > 0) yield piece.subarray(0, used);
}
