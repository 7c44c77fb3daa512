// type=oci: an image layout as one tar, or as a directory (tar=false). Entries are sorted, so the
// archive depends on the image alone.
import { readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Writable } from 'node:stream';
import type { BlobStore } from '../../cache/blob-store.ts';
import { makeDirectories } from '../../cache/make-directory.ts';
import type { Descriptor } from '../../core/descriptor.ts';
import { hexOf } from '../../core/digest.ts';
import { errnoOf } from '../../core/errors.ts';
import { OCI_INDEX } from '../../core/media-types.ts';
import { parseManifestDocument } from '../registry/manifest-document.ts';
import { type ArchiveMember, writeArchive } from './archive-writer.ts';
import { copyBlobTo } from './copy-blob.ts';
import { imageClosure } from './image-closure.ts';
import {
  encodeLayoutIndex,
  INDEX_FILE,
  LAYOUT_FILE,
  LAYOUT_VERSION,
  type LayoutImage,
  layoutEntries,
  NAME_ANNOTATION,
  REF_ANNOTATION,
} from './layout-index.ts';
import { notWritable, temporaryBeside } from './output-file.ts';

const BLOB_MODE = 0o444;

/** The blobs of `images`, each once, in the order of their names. */
export async function blobMembers(images: readonly LayoutImage[], store: BlobStore): Promise<ArchiveMember[]> {
  const blobs = new Map<string, Descriptor>();
  for (const image of images) {
    for (const blob of await imageClosure(store, image.descriptor)) blobs.set(hexOf(blob.digest), blob);
  }
  const members: ArchiveMember[] = [
    { type: 'directory', name: 'blobs' },
    { type: 'directory', name: 'blobs/sha256' },
  ];
  for (const [hex, blob] of [...blobs].sort(([a], [b]) => (a < b ? -1 : 1))) {
    members.push({ type: 'stream', name: `blobs/sha256/${hex}`, mode: BLOB_MODE, size: blob.size, open: () => store.open(blob.digest) });
  }
  return members;
}

export const layoutMembers = (images: readonly LayoutImage[]): { readonly index: ArchiveMember; readonly layout: ArchiveMember } => ({
  index: { type: 'bytes', name: INDEX_FILE, mode: 0o644, bytes: encodeLayoutIndex(images.flatMap(layoutEntries)) },
  layout: { type: 'bytes', name: LAYOUT_FILE, mode: BLOB_MODE, bytes: Buffer.from(LAYOUT_VERSION) },
});

/** Streams a layout of one or more images to `out` and ends it. All blobs must be in the store. */
export async function writeOciArchive(
  images: readonly LayoutImage[],
  store: BlobStore,
  out: Writable,
  signal?: AbortSignal,
): Promise<void> {
  const blobs = await blobMembers(images, store);
  const { index, layout } = layoutMembers(images);
  await writeArchive([...blobs, index, layout], out, signal);
}

/**
 * Writes a layout directory. One that exists is added to, as buildx does: entries of the same name are
 * replaced, others stay. index.json is replaced last and atomically. As in buildx, an image without a
 * name is `latest` here.
 */
export async function writeOciDirectory(
  images: readonly LayoutImage[],
  store: BlobStore,
  directory: string,
  signal?: AbortSignal,
): Promise<void> {
  const blobs = join(directory, 'blobs', 'sha256');
  attempt(blobs, () => makeDirectories(blobs));
  for (const image of images) {
    for (const blob of await imageClosure(store, image.descriptor)) {
      signal?.throwIfAborted();
      await copyBlobTo(store, blob, join(blobs, hexOf(blob.digest)));
    }
  }
  const path = join(directory, INDEX_FILE);
  const added = images.flatMap((image) => layoutEntries(image).map((entry) => (image.names.length === 0 ? asLatest(entry) : entry)));
  const replaced = new Set(added.map(layoutKey));
  const kept = existingEntries(path).filter((entry) => !replaced.has(layoutKey(entry)));
  attempt(path, () => {
    writeFileSync(join(directory, LAYOUT_FILE), LAYOUT_VERSION);
    const temp = temporaryBeside(path);
    try {
      writeFileSync(temp, encodeLayoutIndex([...kept, ...added]), { flag: 'wx' });
      renameSync(temp, path);
    } finally {
      rmSync(temp, { force: true });
    }
  });
}

const asLatest = (entry: Descriptor): Descriptor => ({ ...entry, annotations: { ...entry.annotations, [REF_ANNOTATION]: 'latest' } });

const layoutKey = (entry: Descriptor): string =>
  entry.annotations?.[NAME_ANNOTATION] ?? entry.annotations?.[REF_ANNOTATION] ?? `digest ${entry.digest}`;

function existingEntries(path: string): readonly Descriptor[] {
  let bytes: Buffer;
  try {
    bytes = readFileSync(path);
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return [];
    throw notWritable(path, error);
  }
  const document = parseManifestDocument(bytes, OCI_INDEX, path);
  return document.type === 'index' ? document.index.manifests : [];
}

function attempt(path: string, body: () => void): void {
  try {
    body();
  } catch (error) {
    throw notWritable(path, error);
  }
}
