// What the tagged images consist of. A document that is damaged or missing ends the walk there: gc
// keeps what it can see is needed, `verifyStore` reports the rest.
import type { Descriptor } from '../../core/descriptor.ts';
import { type ChainId, chainIdOf, type DiffId, type Digest, isDigest, parseDiffId, parseDigest } from '../../core/digest.ts';
import { TsbuildError } from '../../core/errors.ts';
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
    const listed = isObject(rootfs) ? listIn(rootfs, 'diff_ids') : [];
    const layers = listed.filter((diffId) => typeof diffId === 'string' && isDigest(diffId)).map((diffId) => parseDiffId(String(diffId)));
    for (const [index, diffId] of layers.entries()) {
      diffIds.add(diffId);
      const chainId = chainIdOf(layers.slice(0, index + 1));
      if (chainId !== null) chainIds.set(chainId, diffId);
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

const isObject = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null && !Array.isArray(value);

const listIn = (value: Readonly<Record<string, unknown>>, key: string): readonly unknown[] => (Array.isArray(value[key]) ? value[key] : []);

function digestIn(descriptor: unknown): Digest | null {
  const digest = isObject(descriptor) ? descriptor['digest'] : null;
  return typeof digest === 'string' && isDigest(digest) ? parseDigest(digest) : null;
}

async function readJson(digest: Digest, store: BlobStore): Promise<Record<string, unknown> | null> {
  try {
    const value: unknown = JSON.parse((await store.read(digest)).toString('utf8'));
    return isObject(value) ? value : null;
  } catch (error) {
    if (error instanceof TsbuildError || error instanceof SyntaxError) return null;
    throw error;
  }
}
