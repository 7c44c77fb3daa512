// Cache mounts that travel between stores: what the command line asks for, and the artifact they travel
// in: an OCI manifest with an artifact type of its own and one layer, the files of the cache. Everything
// in it follows from the files, so an unchanged cache is the same artifact.
import type { BuildIndex } from '../../cache/build-index.ts';
import type { Descriptor, Manifest } from '../../core/descriptor.ts';
import { type DiffId, isDigest, parseDiffId } from '../../core/digest.ts';
import { TsbuildError } from '../../core/errors.ts';
import { layerCompression, OCI_MANIFEST } from '../../core/media-types.ts';
import type { StoredLayer } from '../../executor/executor.ts';

export type CachePlace =
  /** Absolute directory with an OCI layout. */
  | { readonly type: 'layout'; readonly directory: string }
  /** Reference in a registry, as typed. */
  | { readonly type: 'registry'; readonly reference: string };

export interface CacheTransfer {
  /** As in RUN --mount=type=cache,id=…. */
  readonly id: string;
  readonly place: CachePlace;
}

export const CACHE_ARTIFACT = 'application/vnd.tsbuild.cache-mount.v1';
export const EMPTY_CONFIG = Buffer.from('{}');
const EMPTY_TYPE = 'application/vnd.oci.empty.v1+json';
export const ID_ANNOTATION = 'vnd.tsbuild.cache-mount.id';
const DIFF_ID_ANNOTATION = 'vnd.tsbuild.cache-mount.diff-id';

export const placeText = (place: CachePlace): string => (place.type === 'layout' ? place.directory : place.reference);

/** The same for the same files and id. */
export const cacheManifest = (id: string, { layer }: StoredLayer, { digest, size }: Pick<Descriptor, 'digest' | 'size'>): Manifest => ({
  schemaVersion: 2,
  mediaType: OCI_MANIFEST,
  artifactType: CACHE_ARTIFACT,
  config: { mediaType: EMPTY_TYPE, digest, size },
  layers: [{ ...layer.blob, annotations: { [DIFF_ID_ANNOTATION]: layer.diffId } }],
  annotations: { [ID_ANNOTATION]: id },
});

export interface CacheArtifact {
  readonly blob: Descriptor;
  readonly diffId: DiffId;
}

/** Error: 'build/cache-transfer' for anything but what `encodeCacheManifest` writes. */
export function readCacheManifest(manifest: Manifest, where: string): CacheArtifact {
  const refuse = (why: string): TsbuildError => badArtifact(where, why);
  if (manifest.artifactType !== CACHE_ARTIFACT) throw refuse('it is no cache mount');
  const [blob, ...others] = manifest.layers;
  if (blob === undefined || others.length > 0) throw refuse(`it has ${manifest.layers.length} layers instead of one`);
  if (layerCompression(blob.mediaType) === null) throw refuse('its layer is of an unknown type');
  const diffId = blob.annotations?.[DIFF_ID_ANNOTATION];
  if (diffId === undefined || !isDigest(diffId)) throw refuse('its layer names no digest of its content');
  return { blob: { mediaType: blob.mediaType, digest: blob.digest, size: blob.size }, diffId: parseDiffId(diffId) };
}

export const badArtifact = (where: string, why: string): TsbuildError =>
  new TsbuildError({
    code: 'build/cache-transfer',
    message: `cannot import a cache mount from ${where}: ${why}`,
    hint: 'export it again with --cache-mount-export, or leave the import out',
  });

/** Whether an image has the blob, too, in theory: then it is not the artifact's to remove. */
export const isOfImages = (index: Pick<BuildIndex, 'diffIdOfBlob' | 'locations'>, { digest }: Descriptor): boolean =>
  index.diffIdOfBlob(digest) !== null || index.locations(digest).length > 0;
