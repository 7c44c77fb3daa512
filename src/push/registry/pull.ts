// An image from a registry as a build needs it: manifest and config in the store, layers on demand, and
// what was learned (tag, where the blobs are) in the index.
import type { BlobStore } from '../../cache/blob-store.ts';
import type { BuildIndex } from '../../cache/build-index.ts';
import type { Descriptor, ImageConfig, LayerRef, Manifest } from '../../core/descriptor.ts';
import { parseDiffId } from '../../core/digest.ts';
import { TsbuildError } from '../../core/errors.ts';
import { layerCompression } from '../../core/media-types.ts';
import type { Platform } from '../../core/platform.ts';
import { familiarReference, formatReference, type Reference, withDefaultTag } from '../../core/reference.ts';
import type { RegistryClient } from './client.ts';
import { parseImageConfig } from './image-config-document.ts';
import { createLayerFetcher, type LayerFetcher, type LazyLayer } from './lazy-layer.ts';
import { resolveImage } from './resolve-image.ts';

export interface PullRequest {
  readonly client: RegistryClient;
  readonly reference: Reference;
  readonly platform: Platform;
  readonly blobs: BlobStore;
  readonly index: Pick<BuildIndex, 'setTag' | 'addLocation' | 'transaction'>;
  /** Milliseconds: when the recorded tag was made. */
  readonly now: number;
  /** Shared by all pulls of a process, so that they share downloads; made for this one when absent. */
  readonly layers?: LayerFetcher;
  readonly signal?: AbortSignal;
}

export interface PulledImage {
  /** What the reference names: index or manifest. */
  readonly root: Descriptor;
  /** Of the manifest for the platform. */
  readonly descriptor: Descriptor;
  readonly manifest: Manifest;
  readonly config: ImageConfig;
  /** Base first; none is downloaded yet. */
  readonly layers: readonly LazyLayer[];
}

/** Bytes of the largest config taken. */
const MAX_CONFIG = 8 * 1024 * 1024;

/** Errors as of `resolveImage`, and 'registry/bad-manifest' for something that is not a container image. */
export async function pullImage(request: PullRequest): Promise<PulledImage> {
  const { client, platform, blobs, signal } = request;
  const reference = withDefaultTag(request.reference);
  const { root, manifest: descriptor, document: manifest } = await resolveImage(reference, platform, { client, blobs, signal });
  const config = await readConfig(reference, manifest, request);
  const fetcher = request.layers ?? createLayerFetcher(client, blobs);
  const refs = manifest.layers.map((blob, position) => ({ blob, diffId: parseDiffId(config.rootfs.diff_ids[position] ?? '') }));
  record(reference, root, manifest.config, refs, request);
  return { root, descriptor, manifest, config, layers: refs.map((layer) => fetcher.layer(reference, layer)) };
}

async function readConfig(
  reference: Reference,
  { config, layers }: Manifest,
  { client, blobs, signal }: PullRequest,
): Promise<ImageConfig> {
  const what = familiarReference(reference);
  if (config.size > MAX_CONFIG)
    throw new TsbuildError({ code: 'registry/too-large', message: `${what}: the image config has ${config.size} bytes` });
  const odd = layers.find(({ mediaType }) => layerCompression(mediaType) === null);
  if (odd) {
    throw new TsbuildError({
      code: 'registry/bad-manifest',
      message: `${what}: cannot use layers of type ${JSON.stringify(odd.mediaType.slice(0, 100))}`,
      hint: 'This is an artifact, not a container image.',
    });
  }
  await client.fetchBlob(reference, config, blobs, { signal });
  const refuse = (reason: string): TsbuildError => new TsbuildError({ code: 'registry/bad-manifest', message: `${what}: ${reason}` });
  return parseImageConfig(await blobs.read(config.digest, MAX_CONFIG), layers.length, refuse);
}

/** diffIDs are what the config claims: whoever unpacks a layer and has hashed it records them, or a hostile config could stand in for another image's layer. */
function record(
  reference: Reference,
  root: Descriptor,
  config: Descriptor,
  layers: readonly LayerRef[],
  { client, index, now }: PullRequest,
): void {
  index.transaction(() => {
    for (const repository of client.servedFrom(reference)) {
      for (const { digest } of [config, ...layers.map(({ blob }) => blob)]) index.addLocation(digest, repository);
    }
    index.setTag(formatReference(reference), root, now);
  });
}
