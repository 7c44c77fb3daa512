// An image from a registry as a build needs it: manifest and config in the store, layers left where they are,
// and what was learned (tag, where the blobs are) in the index.
import type { BlobStore } from '../../cache/blob-store.ts';
import type { BuildIndex } from '../../cache/build-index.ts';
import type { Descriptor, ImageConfig, Manifest } from '../../core/descriptor.ts';
import { TsbuildError } from '../../core/errors.ts';
import { layerCompression } from '../../core/media-types.ts';
import type { Platform } from '../../core/platform.ts';
import { familiarReference, formatReference, type Reference, withDefaultTag } from '../../core/reference.ts';
import type { RegistryClient } from './client.ts';
import { parseImageConfig } from './image-config-document.ts';
import { resolveImage } from './resolve-image.ts';

export interface PullRequest {
  readonly client: RegistryClient;
  readonly reference: Reference;
  readonly platform: Platform;
  readonly blobs: BlobStore;
  readonly index: Pick<BuildIndex, 'setTag' | 'addLocation' | 'transaction'>;
  /** Milliseconds: when the recorded tag was made. */
  readonly now: number;
  readonly signal?: AbortSignal;
}

export interface PulledImage {
  /** Of the manifest for the platform. */
  readonly manifestDescriptor: Descriptor;
  readonly manifest: Manifest;
  readonly config: ImageConfig;
}

/** Bytes of the largest config taken. */
const MAX_CONFIG = 8 * 1024 * 1024;

/** Errors as of `resolveImage`, and 'registry/bad-manifest' for something that is not a container image. */
export async function pullImage(request: PullRequest): Promise<PulledImage> {
  const { client, platform, blobs, signal } = request;
  const reference = withDefaultTag(request.reference);
  const { root, manifest: manifestDescriptor, document: manifest } = await resolveImage(reference, platform, { client, blobs, signal });
  const config = await readConfig(reference, manifest, request);
  record(reference, root, [manifest.config, ...manifest.layers], request);
  return { manifestDescriptor, manifest, config };
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

/** No diffIDs: they are what the config claims. Whoever unpacks a layer and has hashed it records them, or a hostile config could stand in for another image's layer. */
function record(reference: Reference, root: Descriptor, blobs: readonly Descriptor[], { client, index, now }: PullRequest): void {
  index.transaction(() => {
    for (const repository of client.servedFrom(reference)) for (const { digest } of blobs) index.addLocation(digest, repository);
    index.setTag(formatReference(reference), root, now);
  });
}
