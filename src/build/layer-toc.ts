// The table of contents of a layer that came from elsewhere: read once, verified on the way.
import type { BlobStore } from '../cache/blob-store.ts';
import type { LayerRef } from '../core/descriptor.ts';
import type { LayerToc } from '../core/file-entry.ts';

export async function readLayerToc(blobs: BlobStore, ref: LayerRef): Promise<LayerToc> {
  // The reader of layers is loaded when one is read: a cached build reads none.
  const { readLayer } = await import('../executor/layer/toc.ts');
  const { toc } = await readLayer(blobs.open(ref.blob.digest), { mediaType: ref.blob.mediaType, diffId: ref.diffId });
  return toc;
}
