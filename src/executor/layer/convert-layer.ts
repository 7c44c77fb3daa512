// A stored layer in another compression, or without times after a date, in one streaming pass. What it
// unpacks to is checked against its diffID on the way.
import type { BlobStore, StoredBlob } from '../../cache/blob-store.ts';
import type { LayerRef } from '../../core/descriptor.ts';
import { type DiffId, type Hasher, hasher } from '../../core/digest.ts';
import { type Compression, layerMediaType } from '../../core/media-types.ts';
import type { LayerFormat } from '../executor.ts';
import { clampTimes } from './clamp-times.ts';
import { BlockPipeline } from './compression/block-pipeline.ts';
import { COMPRESSION_BLOCK, compressSmall } from './compression/compress.ts';
import { decompressLayer } from './compression/decompress.ts';
import { writeEstargz } from './compression/estargz.ts';
import { wrongDiffId } from './toc.ts';

export interface WantedFormat {
  readonly compression: Compression | 'estargz';
  readonly level?: number;
  /** Seconds since 1970: no entry is younger (E-06). */
  readonly notAfter?: number;
}

/** The blob must be in the store. Other files or times, as eStargz and `notAfter` make them, have a diffID of their own. */
export async function convertLayer(layer: LayerRef, wanted: WantedFormat, store: BlobStore, signal?: AbortSignal): Promise<LayerRef> {
  const stored = verifiedTar(layer, store, signal);
  const { compression, level, notAfter } = wanted;
  const tar = notAfter === undefined ? stored : clampTimes(stored, notAfter);
  if (compression === 'estargz') return writeEstargz(tar, store, level);
  const hash = hasher();
  const blob = await compress(hashed(tar, hash), { compression, ...(level === undefined ? {} : { level }) }, store);
  return { diffId: hash.diffId(), blob: { mediaType: layerMediaType(compression), ...blob } };
}

async function* hashed(tar: AsyncIterable<Uint8Array>, hash: Hasher): AsyncGenerator<Uint8Array> {
  for await (const chunk of tar) {
    hash.update(chunk);
    yield chunk;
  }
}

/** Gzip bytes are those that a step's layer of this format would have. */
async function compress(tar: AsyncIterable<Uint8Array>, format: LayerFormat, store: BlobStore): Promise<StoredBlob> {
  const output = new BlockPipeline(store, format);
  try {
    let block = output.takeBlock();
    let used = 0;
    for await (const chunk of tar) {
      for (let from = 0; from < chunk.length; ) {
        const piece = chunk.subarray(from, from + COMPRESSION_BLOCK - used);
        block.set(piece, used);
        used += piece.length;
        from += piece.length;
        if (used < COMPRESSION_BLOCK) continue;
        await output.push(block, block);
        block = output.takeBlock();
        used = 0;
      }
    }
    const rest = block.subarray(0, used);
    if (output.idle) return await store.put(compressSmall(format, rest));
    if (used > 0) await output.push(rest, block);
    return await output.finish();
  } catch (error) {
    await output.abort();
    throw error;
  }
}

async function* verifiedTar({ diffId, blob }: LayerRef, store: BlobStore, signal?: AbortSignal): AsyncGenerator<Uint8Array> {
  const hash = hasher();
  for await (const chunk of hashed(decompressLayer(store.open(blob.digest), blob.mediaType), hash)) {
    signal?.throwIfAborted();
    yield chunk;
  }
  const got: DiffId = hash.diffId();
  if (got !== diffId) throw wrongDiffId(diffId, got);
}
