// All blobs that an image consists of, found by following its documents in the store.
import type { BlobStore } from '../../cache/blob-store.ts';
import type { Descriptor } from '../../core/descriptor.ts';
import { isIndexType, isManifestType } from '../../core/media-types.ts';
import { type ManifestDocument, parseManifestDocument } from '../registry/manifest-document.ts';

export type { ManifestDocument };

/** Nesting of indexes; images have one level. */
const MAX_DEPTH = 4;

export async function readManifest(store: BlobStore, descriptor: Descriptor): Promise<ManifestDocument> {
  const bytes = await store.read(descriptor.digest);
  return parseManifestDocument(bytes, descriptor.mediaType, `manifest ${descriptor.digest}`);
}

/**
 * Every descriptor reachable from `root`, itself included, each digest once. Manifests that an index
 * names but the store lacks (platforms that were not pulled) are left out together with what they name.
 */
export async function imageClosure(store: BlobStore, root: Descriptor): Promise<Descriptor[]> {
  const found = new Map<string, Descriptor>();
  const visit = async (descriptor: Descriptor, depth: number): Promise<void> => {
    if (found.has(descriptor.digest)) return;
    found.set(descriptor.digest, descriptor);
    if (depth > MAX_DEPTH || !(isIndexType(descriptor.mediaType) || isManifestType(descriptor.mediaType))) return;
    const document = await readManifest(store, descriptor);
    const children =
      document.type === 'index'
        ? document.index.manifests.filter((child) => store.has(child.digest))
        : [document.manifest.config, ...document.manifest.layers];
    for (const child of children) await visit(child, depth + 1);
  };
  await visit(root, 0);
  return [...found.values()];
}
