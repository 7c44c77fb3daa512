// What the tagged images consist of. A document that is damaged or missing ends the walk there: gc
// keeps what it can see is needed, `verifyStore` reports the rest.
import type { Descriptor } from '../../core/descriptor.ts';
import { type ChainId, type DiffId, type Digest, extendChain, isDigest, parseDiffId, parseDigest } from '../../core/digest.ts';
import { TsbuildError } from '../../core/errors.ts';
import { isObject, parseObject } from '../../core/json-object.ts';
import { isIndexType, isManifestType } from '../../core/media-types.ts';
import type { BlobStore } from '../blob-store.ts';

export interface Reachable {
  readonly blobs: ReadonlySet<Digest>;
  readonly diffIds: ReadonlySet<DiffId>;
  /** Each stack of layers, with its topmost. */
  readonly chainIds: ReadonlyMap<ChainId, DiffId>;
}

/** Called for each blob that an image needs and the store does not have. */
export type OnMissing = (blob: Digest, neededBy: Digest) => void;

const MAX_DEPTH = 8;

export async function findReachable(
  targets: readonly Descriptor[],
  store: BlobStore,
  onMissing: OnMissing = () => undefined,
): Promise<Reachable> {
  const blobs = new Set<Digest>();
  const diffIds = new Set<DiffId>();
  const chainIds = new Map<ChainId, DiffId>();

  const visitManifest = async (document: Readonly<Record<string, unknown>>, digest: Digest): Promise<void> => {
    const config = digestIn(document['config']);
    for (const blob of [config, ...listIn(document, 'layers').map(digestIn)]) {
      if (blob === null) continue;
      blobs.add(blob);
      if (!store.has(blob)) onMissing(blob, digest);
    }
    const json = config === null ? null : await readJson(config, store);
    const rootfs = json?.['rootfs'];
    let chain: ChainId | null = null;
    for (const diffId of isObject(rootfs) ? listIn(rootfs, 'diff_ids').flatMap(diffIdIn) : []) {
      chain = extendChain(chain, diffId);
      diffIds.add(diffId);
      chainIds.set(chain, diffId);
    }
  };
  const visit = async (digest: Digest, mediaType: string, depth: number): Promise<void> => {
    if (blobs.has(digest) || depth > MAX_DEPTH) return;
    blobs.add(digest);
    const document = isIndexType(mediaType) || isManifestType(mediaType) ? await readJson(digest, store) : null;
    if (document === null) return;
    if (!isIndexType(mediaType)) return visitManifest(document, digest);
    for (const child of listIn(document, 'manifests')) {
      const next = digestIn(child);
      if (next === null || !isObject(child)) continue;
      // An index may name platforms that were never fetched.
      if (store.has(next)) await visit(next, String(child['mediaType']), depth + 1);
      else blobs.add(next);
    }
  };

  for (const target of targets) {
    if (!store.has(target.digest)) onMissing(target.digest, target.digest);
    await visit(target.digest, target.mediaType, 0);
  }
  return { blobs, diffIds, chainIds };
}

const listIn = (value: Readonly<Record<string, unknown>>, key: string): readonly unknown[] => (Array.isArray(value[key]) ? value[key] : []);

const diffIdIn = (value: unknown): readonly DiffId[] => (typeof value === 'string' && isDigest(value) ? [parseDiffId(value)] : []);

function digestIn(descriptor: unknown): Digest | null {
  const digest = isObject(descriptor) ? descriptor['digest'] : null;
  return typeof digest === 'string' && isDigest(digest) ? parseDigest(digest) : null;
}

async function readJson(digest: Digest, store: BlobStore): Promise<Record<string, unknown> | null> {
  try {
    return parseObject(await store.read(digest));
  } catch (error) {
    if (error instanceof TsbuildError) return null;
    throw error;
  }
}
