// From a plan and its layers to the documents of an image, in the store. Layers are not touched: the
// base's blobs and the new ones are only named (G-09).
import type { BlobStore } from '../../cache/blob-store.ts';
import type { Descriptor, LayerRef } from '../../core/descriptor.ts';
import { DOCKER_CONFIG, DOCKER_LIST, DOCKER_MANIFEST, OCI_CONFIG, OCI_INDEX, OCI_MANIFEST } from '../../core/media-types.ts';
import type { Platform } from '../../core/platform.ts';
import { encodeConfig, type ImageDraft } from './config-document.ts';
import type { LayerOrigin } from './image-history.ts';
import { encodeIndex, encodeManifest, layerDescriptor, type MediaTypeFamily } from './manifest-bytes.ts';

/** A layer of the image, base first. `created` (ms) is when it was made; base layers need none. */
export interface ImageLayer extends LayerOrigin {
  readonly layer: LayerRef;
}

export interface AssembleOptions {
  /** Default 'oci'. */
  readonly mediaTypes?: MediaTypeFamily;
  /** On the manifest or index (E-05); also written with Docker media types, as BuildKit does. */
  readonly annotations?: Readonly<Record<string, string>>;
  /** On the descriptor of the manifest or index, in an index or layout. */
  readonly descriptorAnnotations?: Readonly<Record<string, string>>;
}

export interface AssembledImage {
  /** Of the manifest, with platform. */
  readonly descriptor: Descriptor;
  readonly config: Descriptor;
  readonly layers: readonly Descriptor[];
  readonly platform: Platform;
}

/** Writes config and manifest; the same plan and layers give the same digests, here and in BuildKit. */
export async function assembleImage(
  draft: ImageDraft,
  layers: readonly ImageLayer[],
  store: BlobStore,
  options: AssembleOptions = {},
): Promise<AssembledImage> {
  const family = options.mediaTypes ?? 'oci';
  const origins = layers.map(({ layer, ...origin }) => ({ ...origin, diffId: layer.diffId }));
  const config: Descriptor = {
    mediaType: family === 'oci' ? OCI_CONFIG : DOCKER_CONFIG,
    ...(await store.put(encodeConfig(draft, origins))),
  };
  const blobs = layers.map(({ layer }) => layerDescriptor(layer.blob, family));
  const mediaType = family === 'oci' ? OCI_MANIFEST : DOCKER_MANIFEST;
  const stored = await store.put(encodeManifest(mediaType, config, blobs, options.annotations));
  const { descriptorAnnotations } = options;
  const descriptor: Descriptor = {
    mediaType,
    ...stored,
    ...(descriptorAnnotations === undefined ? {} : { annotations: descriptorAnnotations }),
    platform: draft.platform,
  };
  return { descriptor, config, layers: blobs, platform: draft.platform };
}

/** One index over several images, in the given order. */
export async function assembleIndex(
  images: readonly AssembledImage[],
  store: BlobStore,
  options: AssembleOptions = {},
): Promise<Descriptor> {
  const family = options.mediaTypes ?? 'oci';
  const mediaType = family === 'oci' ? OCI_INDEX : DOCKER_LIST;
  const manifests = images.map((image) => image.descriptor);
  const stored = await store.put(encodeIndex(mediaType, manifests, options.annotations, true));
  const { descriptorAnnotations } = options;
  return { mediaType, ...stored, ...(descriptorAnnotations === undefined ? {} : { annotations: descriptorAnnotations }) };
}
