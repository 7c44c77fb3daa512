// Bytes of manifests, indexes and layouts as BuildKit writes them: members in the order of the Go
// structs, two blanks of indentation.
import type { Descriptor } from '../../core/descriptor.ts';
import {
  DOCKER_LAYER,
  DOCKER_LAYER_GZIP,
  DOCKER_LAYER_ZSTD,
  layerCompression,
  layerMediaType,
  OCI_LAYER_GZIP,
} from '../../core/media-types.ts';
import type { Platform } from '../../core/platform.ts';
import { goJson, type JsonValue, nonEmpty, sortedMap } from './go-json.ts';

export type MediaTypeFamily = 'oci' | 'docker';

const INDENT = '  ';
/** Annotations that stores keep for themselves and that never reach a manifest; those of eStargz do. */
const INTERNAL_ANNOTATION = /^(?:containerd\.io\/(?!snapshot\/stargz\/)|buildkit\/)/;

const platformJson = (platform: Platform): JsonValue => ({
  architecture: platform.architecture,
  os: platform.os,
  'os.version': nonEmpty(platform['os.version']),
  'os.features': nonEmpty(platform['os.features']),
  variant: nonEmpty(platform.variant),
});

export const descriptorJson = (descriptor: Descriptor): JsonValue => ({
  mediaType: descriptor.mediaType,
  digest: descriptor.digest,
  size: descriptor.size,
  annotations: nonEmpty(descriptor.annotations && sortedMap(descriptor.annotations)),
  platform: descriptor.platform && platformJson(descriptor.platform),
  artifactType: nonEmpty(descriptor.artifactType),
});

/**
 * A layer's descriptor in one family of media types: compression stays, the family changes, and
 * non-distributable ("foreign") types become plain ones because the bytes are at hand (E-02).
 */
export function layerDescriptor(blob: Descriptor, family: MediaTypeFamily): Descriptor {
  const compression = layerCompression(blob.mediaType);
  const kept = Object.entries(blob.annotations ?? {}).filter(([key]) => !INTERNAL_ANNOTATION.test(key));
  const annotations = family === 'oci' && kept.length > 0 ? { annotations: Object.fromEntries(kept) } : {};
  const ociType = compression === null ? blob.mediaType : layerMediaType(compression);
  return { mediaType: family === 'oci' ? ociType : dockerLayerType(ociType), digest: blob.digest, size: blob.size, ...annotations };
}

function dockerLayerType(ociType: string): string {
  if (layerCompression(ociType) === null) return ociType;
  return ociType === OCI_LAYER_GZIP ? DOCKER_LAYER_GZIP : layerCompression(ociType) === 'zstd' ? DOCKER_LAYER_ZSTD : DOCKER_LAYER;
}

export function encodeManifest(
  mediaType: string,
  config: Descriptor,
  layers: readonly Descriptor[],
  annotations?: Readonly<Record<string, string>>,
): Buffer {
  const document: JsonValue = {
    schemaVersion: 2,
    mediaType,
    config: descriptorJson(config),
    // Go's nil slice, and what BuildKit writes for an image without layers.
    layers: layers.length === 0 ? null : layers.map(descriptorJson),
    annotations: nonEmpty(annotations && sortedMap(annotations)),
  };
  return goJson(document, INDENT);
}

/** `indented` as pushed; a layout's index.json is on one line. */
export function encodeIndex(
  mediaType: string,
  manifests: readonly Descriptor[],
  annotations: Readonly<Record<string, string>> | undefined,
  indented: boolean,
): Buffer {
  const document: JsonValue = {
    schemaVersion: 2,
    mediaType,
    manifests: manifests.map(descriptorJson),
    annotations: nonEmpty(annotations && sortedMap(annotations)),
  };
  return goJson(document, indented ? INDENT : '');
}
