// What layers hold, without unpacking them: their tables of contents, read once and remembered with the
// layer, and the trees that stacks of them show.
import type { LayerRef } from '../../core/descriptor.ts';
import type { LayerToc } from '../../core/file-entry.ts';
import { MergedTree } from '../../executor/layer/merged-tree.ts';
import type { Session } from '../session.ts';
import type { Layer } from './layer.ts';
import { layerError } from './layer-error.ts';

/** Tables with more entries are remembered weakly: every step above asks for them again, but they must not pile up. */
const SMALL_TABLE = 256;

/** The tree that a stack shows; grown from the one below when that is still at hand. */
export async function mergedTree(session: Session, layers: readonly Layer[]): Promise<MergedTree> {
  let below: MergedTree | undefined;
  let known = layers.length;
  while (known > 0 && below === undefined) {
    below = layers[known - 1]?.tree?.deref();
    if (below === undefined) known -= 1;
  }
  if (below !== undefined && known === layers.length) return below;
  const tree = new MergedTree(await tocsOf(session, layers.slice(known)), [], below === undefined ? {} : { below });
  const top = layers.at(-1);
  if (top !== undefined) top.tree = new WeakRef(tree);
  return tree;
}

/** Tables of contents of a stack, base first; layers never read before are read once for it. */
export async function tocsOf(session: Session, layers: readonly Layer[]): Promise<readonly LayerToc[]> {
  return Promise.all(layers.map((layer) => layer.toc?.deref() ?? tocOf(session, layer)));
}

async function tocOf(session: Session, layer: Layer): Promise<LayerToc> {
  const toc = await loadToc(session, layer);
  layer.toc = toc.entries.length > SMALL_TABLE ? new WeakRef(toc) : { deref: () => toc };
  return toc;
}

async function loadToc(session: Session, layer: Layer): Promise<LayerToc> {
  const { ref } = await layer.made;
  try {
    return await storedToc(session, ref, () => layer.fetch(session.signal));
  } catch (error) {
    throw layerError(error, layer, ref.blob.digest);
  }
}

/** Of a layer without one, which came from elsewhere, the blob is read once, verified on the way; `fetch` brings it into the store. */
export async function storedToc({ tocs, blobs }: Session, { blob, diffId }: LayerRef, fetch?: () => Promise<void>): Promise<LayerToc> {
  const known = tocs.get(diffId);
  if (known !== null) return known;
  await fetch?.();
  // The reader of layers is loaded when one is read: a cached build reads none.
  const { readLayer } = await import('../../executor/layer/toc.ts');
  const { toc } = await readLayer(blobs.open(blob.digest), { mediaType: blob.mediaType, diffId });
  tocs.put(diffId, toc);
  return toc;
}
