// An image from a registry as a build needs it: manifest and config in the store, layers on demand, and
// what was learned (tag, diffIDs, where the blobs are) in the index.
import type { BlobStore } from '../../cache/blob-store.ts';
import type { BuildIndex } from '../../cache/build-index.ts';
import type { Descriptor, ImageConfig, Manifest } from '../../core/descriptor.ts';
import { parseDiffId } from '../../core/digest.ts';
import { TsbuildError } from '../../core/errors.ts';
import { layerCompression } from '../../core/media-types.ts';
import type { Platform } from '../../core/platform.ts';
import { familiarReference, formatReference, type Reference, withDefaultTag } from '../../core/reference.ts';
import type { RegistryClient } from './client.ts';
import { parseImageConfig } from './image-config-document.ts';
import type { LayerFetcher, LazyLayer } from './lazy-layer.ts';
import { type ResolvedImage, resolveImage } from './resolve-image.ts';

export interface PullOptions {
  readonly client: RegistryClient;
  readonly layers: LayerFetcher;
  readonly store: BlobStore;
  readonly index: Pick<BuildIndex, 'setTag' | 'addLocation' | 'setDiffId' | 'transaction'>;
  /** Milliseconds; the time of a recorded tag. Absent records no tag (a base image of a build is not the user's image). */
  readonly tagTime?: number;
  readonly signal?: AbortSignal;
}

export interface PulledImage {
  /** What the reference names: index or manifest. */
  readonly root: Descriptor;
  /** Descriptor of the manifest for the platform. */
  readonly manifest: Descriptor;
  readonly document: Manifest;
  readonly config: ImageConfig;
  /** Base first; none is downloaded yet. */
  readonly layers: readonly LazyLayer[];
}

/** Bytes of the largest config taken. */
const MAX_CONFIG = 8 * 1024 * 1024;

/** Errors as of `resolveImage`, and 'registry/bad-manifest' for something that is not a container image. */
export async function pullImage(reference: Reference, platform: Platform, options: PullOptions): Promise<PulledImage> {
  const wanted = withDefaultTag(reference);
  const { client, store, signal } = options;
  const resolved = await resolveImage(wanted, platform, { client, store, signal });
  const config = await readConfig(wanted, resolved, options);
  record(wanted, resolved, config, options);
  const layers = resolved.document.layers.map((blob, position) =>
    options.layers.layer(wanted, { blob, diffId: parseDiffId(config.rootfs.diff_ids[position] ?? '') }),
  );
  return { root: resolved.root, manifest: resolved.manifest, document: resolved.document, config, layers };
}

async function readConfig(reference: Reference, { document }: ResolvedImage, { client, store, signal }: PullOptions): Promise<ImageConfig> {
  const what = familiarReference(reference);
  const { config, layers } = document;
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
  await client.fetchBlob(reference, config, store, { signal });
  return parseImageConfig(await store.read(config.digest, MAX_CONFIG), layers.length, what);
}

function record(
  reference: Reference,
  { root, document }: ResolvedImage,
  config: ImageConfig,
  { client, index, tagTime }: PullOptions,
): void {
  index.transaction(() => {
    for (const repository of client.servedFrom(reference)) {
      for (const { digest } of [document.config, ...document.layers]) index.addLocation(digest, repository);
    }
    for (const [position, blob] of document.layers.entries()) {
      index.setDiffId(blob, parseDiffId(config.rootfs.diff_ids[position] ?? ''));
    }
    if (tagTime !== undefined) index.setTag(formatReference(reference), root, tagTime);
  });
}
