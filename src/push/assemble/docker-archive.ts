// type=docker: an image layout with a manifest.json beside it, which `docker load` of every age reads.
import type { Writable } from 'node:stream';
import type { BlobStore } from '../../cache/blob-store.ts';
import type { Descriptor } from '../../core/descriptor.ts';
import { hexOf } from '../../core/digest.ts';
import { TsbuildError } from '../../core/errors.ts';
import { familiarReference, tryParseReference } from '../../core/reference.ts';
import { writeArchive } from './archive-writer.ts';
import { goJson, type JsonValue } from './go-json.ts';
import { readManifest } from './image-closure.ts';
import type { LayoutImage } from './layout-index.ts';
import { blobMembers, layoutMembers } from './oci-archive.ts';

const blobName = (blob: Descriptor): string => `blobs/sha256/${hexOf(blob.digest)}`;

/** Streams single-platform images to `out` and ends it; an index is the error 'image/single-platform-only'. */
export async function writeDockerArchive(
  images: readonly LayoutImage[],
  store: BlobStore,
  out: Writable,
  signal?: AbortSignal,
): Promise<void> {
  const entries: JsonValue[] = [];
  for (const image of images) entries.push(await manifestEntry(image, store));
  const blobs = await blobMembers(images, store);
  const { index, layout } = layoutMembers(images);
  await writeArchive([...blobs, index, { type: 'bytes', name: 'manifest.json', mode: 0o644, bytes: goJson(entries) }, layout], out, signal);
}

async function manifestEntry(image: LayoutImage, store: BlobStore): Promise<JsonValue> {
  const document = await readManifest(store, image.descriptor);
  if (document.type === 'index') {
    throw new TsbuildError({
      code: 'image/single-platform-only',
      message: 'the docker archive format cannot hold several platforms',
      hint: 'use --output type=oci, or build a single --platform',
    });
  }
  const { config, layers } = document.manifest;
  return {
    Config: blobName(config),
    RepoTags: image.names.length === 0 ? null : image.names.map(familiar),
    Layers: layers.length === 0 ? null : layers.map(blobName),
  };
}

function familiar(name: string): string {
  const parsed = tryParseReference(name);
  return parsed.ok ? familiarReference(parsed.reference) : name;
}
