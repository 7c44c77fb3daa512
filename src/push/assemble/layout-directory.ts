// Reads an OCI layout directory: `tsbuild load` of a directory, and oci-layout:// contexts. Only the
// blobs that are asked for are copied, each verified on the way.
import { constants, createReadStream, lstatSync, openSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { BlobStore } from '../../cache/blob-store.ts';
import type { Descriptor } from '../../core/descriptor.ts';
import { type Digest, hexOf } from '../../core/digest.ts';
import { errnoOf } from '../../core/errors.ts';
import { OCI_INDEX } from '../../core/media-types.ts';
import { MAX_MANIFEST, parseManifestDocument } from '../registry/manifest-document.ts';
import { type ArchivedImage, type BringBlob, badArchive, type ResolveOptions, resolveLayout } from './archive-contents.ts';
import { INDEX_FILE } from './layout-index.ts';

export interface LayoutReadOptions extends ResolveOptions {
  /** Only the image with this digest, whether index.json names it or not; default: all of index.json. */
  readonly digest?: Digest;
}

/** Copies the images of the layout at `directory` into the store. */
export async function readLayoutDirectory(directory: string, store: BlobStore, options: LayoutReadOptions = {}): Promise<ArchivedImage[]> {
  const bring: BringBlob = (blob) => bringFile(directory, store, blob);
  if (options.digest === undefined) return resolveLayout(indexEntries(directory), store, bring, options);
  return resolveLayout([await describe(directory, store, options.digest)], store, bring, options);
}

/** Descriptors of index.json, in order. */
export function indexEntries(directory: string): readonly Descriptor[] {
  const path = join(directory, INDEX_FILE);
  const stats = regularFile(path);
  if (stats === null) throw badArchive(`${path} is missing`);
  if (stats.size > MAX_MANIFEST) throw badArchive(`${path} is larger than ${MAX_MANIFEST} bytes`);
  const document = parseManifestDocument(readFileSync(path), OCI_INDEX, path);
  return document.type === 'index' ? document.index.manifests : [];
}

/** A digest alone does not tell manifest from index: the document does. */
async function describe(directory: string, store: BlobStore, digest: Digest): Promise<Descriptor> {
  const path = blobPath(directory, digest);
  const stats = regularFile(path);
  if (stats === null) throw badArchive(`${directory} holds no blob ${digest}`);
  if (stats.size > MAX_MANIFEST) throw badArchive(`${path} is larger than any manifest`);
  await bringFile(directory, store, { mediaType: '', digest, size: stats.size });
  return parseManifestDocument(await store.read(digest), undefined, path).descriptor;
}

const blobPath = (directory: string, digest: Digest): string => join(directory, 'blobs', 'sha256', hexOf(digest));

/** Null unless a regular file is there; a link could make any file of this machine a layer. */
function regularFile(path: string): { readonly size: number } | null {
  try {
    const stats = lstatSync(path, { throwIfNoEntry: false });
    return stats?.isFile() ? stats : null;
  } catch (error) {
    throw badArchive(`cannot read ${path}: ${errnoOf(error)}`, error);
  }
}

async function bringFile(directory: string, store: BlobStore, blob: Descriptor): Promise<boolean> {
  if (store.size(blob.digest) === blob.size) return true;
  const path = blobPath(directory, blob.digest);
  if (regularFile(path) === null) return false;
  const writer = store.writer();
  try {
    const fd = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW);
    for await (const chunk of createReadStream(path, { fd, highWaterMark: 256 * 1024 })) await writer.write(chunk as Buffer);
    await writer.commit({ digest: blob.digest, size: blob.size });
    return true;
  } finally {
    await writer.abort();
  }
}
