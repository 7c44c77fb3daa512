// From a reference to the manifest for one platform: tag → index → manifest, asking the registry only for
// what the store does not hold.
import type { BlobStore } from '../../cache/blob-store.ts';
import type { Descriptor, Manifest } from '../../core/descriptor.ts';
import { TsbuildError } from '../../core/errors.ts';
import { isIndexType, isManifestType } from '../../core/media-types.ts';
import { formatPlatform, matchPlatform, type Platform } from '../../core/platform.ts';
import { familiarReference, type Reference } from '../../core/reference.ts';
import type { RegistryClient } from './client.ts';
import { MAX_MANIFEST, type ManifestDocument, parseManifestDocument } from './manifest-document.ts';

export interface ResolvedImage {
  /** What the reference names: index or manifest. */
  readonly root: Descriptor;
  /** For the platform. */
  readonly manifest: Descriptor;
  readonly document: Manifest;
}

export interface ResolveOptions {
  readonly client: RegistryClient;
  /** Manifests and indexes on the way are read from here first and kept here. */
  readonly blobs: BlobStore;
  readonly signal?: AbortSignal | undefined;
}

/** Indexes in indexes; deeper nesting is a trick. */
const MAX_DEPTH = 4;

/**
 * Errors: 'registry/not-found', 'registry/no-platform' (data.platforms lists what there is), 'registry/bad-manifest'.
 * A reference with a digest that the store holds needs no network.
 */
export async function resolveImage(reference: Reference, platform: Platform, options: ResolveOptions): Promise<ResolvedImage> {
  const { client, signal } = options;
  const held = reference.digest !== undefined && options.blobs.has(reference.digest);
  const first = held ? undefined : await client.resolveDescriptor(reference, signal);
  let document = await readDocument(reference, first, options);
  const root = document.descriptor;
  for (let depth = 0; document.type === 'index'; depth += 1) {
    if (depth >= MAX_DEPTH)
      throw new TsbuildError({ code: 'registry/bad-manifest', message: `${familiarReference(reference)}: indexes are nested too deep` });
    const candidates = document.index.manifests.filter(({ mediaType }) => isIndexType(mediaType) || isManifestType(mediaType));
    const chosen = matchPlatform(platform, candidates);
    if (!chosen) throw notForPlatform(reference, platform, candidates);
    document = await readDocument(reference, chosen, options);
  }
  return { root, manifest: document.descriptor, document: document.manifest };
}

/** From the store, else from the registry and then into the store. Without a descriptor the reference's digest is read from the store. */
async function readDocument(
  reference: Reference,
  descriptor: Descriptor | undefined,
  { client, blobs, signal }: ResolveOptions,
): Promise<ManifestDocument> {
  const digest = descriptor?.digest ?? reference.digest;
  if (digest !== undefined && blobs.has(digest)) {
    return parseManifestDocument(await blobs.read(digest, MAX_MANIFEST), descriptor?.mediaType, `manifest ${digest}`);
  }
  const document = await client.fetchManifest(reference, descriptor, signal);
  await blobs.put(document.bytes);
  return document;
}

function notForPlatform(reference: Reference, platform: Platform, candidates: readonly Descriptor[]): TsbuildError {
  const platforms = candidates.flatMap(({ platform: one }) => (one && one.os !== 'unknown' ? [formatPlatform(one)] : []));
  return new TsbuildError({
    code: 'registry/no-platform',
    message: `${familiarReference(reference)}: no manifest for platform ${formatPlatform(platform)}`,
    hint: platforms.length > 0 ? `The image exists for ${platforms.join(', ')}.` : 'The index lists no images.',
    data: { platforms },
  });
}
