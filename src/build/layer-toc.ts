// The table of contents of a layer that came from elsewhere: read once, verified on the way.
import type { BlobStore } from '../cache/blob-store.ts';
import type { LayerRef } from '../core/descriptor.ts';
import type { LayerToc } from '../core/file-entry.ts';
import { readLayer } from '../executor/layer/toc.ts';

export async function readLayerToc(blobs: BlobStore, ref: LayerRef): Promise<LayerToc> {
  const { toc } = await readLayer(blobs.open(ref.blob.digest), { mediaType: ref.blob.mediaType, diffId: ref.diffId });
  return toc;
}
