// Cache mounts in an OCI layout directory: several ids share one directory, each with its entry in
// index.json. An export replaces the entry of its id and the blobs that only that entry used.
import { existsSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { BlobStore } from '../../cache/blob-store.ts';
import { makeDirectories } from '../../cache/make-directory.ts';
import type { Descriptor, Manifest } from '../../core/descriptor.ts';
import { type Digest, digestOf, hexOf, isDigest } from '../../core/digest.ts';
import { TsbuildError } from '../../core/errors.ts';
import { isObject, parseObject } from '../../core/json-object.ts';
import { copyBlobTo } from '../../push/assemble/copy-blob.ts';
import { indexEntries } from '../../push/assemble/layout-directory.ts';
import { encodeLayoutIndex, INDEX_FILE, LAYOUT_FILE, LAYOUT_VERSION } from '../../push/assemble/layout-index.ts';
import { MAX_MANIFEST } from '../../push/registry/manifest-document.ts';
import { holdLayout, writingTo } from '../outputs/writing-to.ts';
import type { Session } from '../session.ts';
import { CACHE_ARTIFACT, ID_ANNOTATION } from './cache-transfer.ts';

const blobPath = (directory: string, digest: Digest): string => join(directory, 'blobs', 'sha256', hexOf(digest));

export interface CacheOfId {
  readonly id: string;
  /** Its manifest, which is in the store with all that it names. */
  readonly root: Descriptor;
  readonly manifest: Manifest;
}

/** Errors: 'build/output', 'image/bad-archive'. */
export const writeCacheLayout = (
  session: Pick<Session, 'blobs' | 'leases' | 'signal'>,
  directory: string,
  cache: CacheOfId,
): Promise<void> => holdLayout(session, directory, () => addToLayout(directory, cache, session.blobs));

async function addToLayout(directory: string, { id, root, manifest }: CacheOfId, store: BlobStore): Promise<void> {
  const before = writingTo('--cache-mount-export', directory, () => openLayout(directory));
  const entry: Descriptor = { ...root, annotations: { [ID_ANNOTATION]: id }, artifactType: CACHE_ARTIFACT };
  // In its old place, so that an unchanged cache leaves the file as it is.
  const at = before.findIndex((other) => isCache(other, id));
  const kept = before.filter((other) => !isCache(other, id));
  const entries = kept.toSpliced(at === -1 ? kept.length : at, 0, entry);
  for (const blob of [manifest.config, ...manifest.layers, root]) await copyBlobTo(store, blob, blobPath(directory, blob.digest));
  writingTo('--cache-mount-export', directory, () => {
    const temporary = join(directory, `.${INDEX_FILE}.${process.pid}`);
    writeFileSync(temporary, encodeLayoutIndex(entries));
    renameSync(temporary, join(directory, INDEX_FILE));
    removeReplaced(
      directory,
      before.filter((other) => isCache(other, id)),
      entries,
    );
  });
}

/** Entries of index.json for the id; a layout with one cache and no id on it has that. */
export function findInLayout(directory: string, id: string): Descriptor | null {
  const caches = indexEntries(directory).filter((entry) => entry.artifactType === CACHE_ARTIFACT);
  return caches.find((entry) => isCache(entry, id)) ?? null;
}

export const hasLayout = (directory: string): boolean => existsSync(join(directory, INDEX_FILE));

const isCache = (entry: Descriptor, id: string): boolean =>
  entry.artifactType === CACHE_ARTIFACT && entry.annotations?.[ID_ANNOTATION] === id;

function openLayout(directory: string): readonly Descriptor[] {
  makeDirectories(join(directory, 'blobs', 'sha256'));
  if (hasLayout(directory)) return indexEntries(directory);
  const foreign = readdirSync(directory).filter((name) => name !== 'blobs' && name !== LAYOUT_FILE && !name.startsWith(`.${INDEX_FILE}.`));
  if (foreign.length > 0) {
    throw new TsbuildError({
      code: 'build/output',
      message: `--cache-mount-export: ${directory} is neither empty nor an OCI layout`,
      hint: 'name a directory of its own for cache mounts',
    });
  }
  writeFileSync(join(directory, LAYOUT_FILE), LAYOUT_VERSION);
  return [];
}

/** The manifests and layers of entries that are gone, unless another entry has them too. */
function removeReplaced(directory: string, replaced: readonly Descriptor[], entries: readonly Descriptor[]): void {
  const used = blobsOf(directory, entries);
  for (const digest of blobsOf(directory, replaced)) if (!used.has(digest)) rmSync(blobPath(directory, digest), { force: true });
}

/** Digests of `entries` and all that their documents name; each file is read once, however often it is named. */
function blobsOf(directory: string, entries: readonly Descriptor[]): ReadonlySet<Digest> {
  const found = new Set<Digest>();
  const documents = new Set(entries.map(({ digest }) => digest));
  for (const document of documents) {
    found.add(document);
    const json = readDocument(blobPath(directory, document), document);
    for (const digest of [...digestsIn([json?.['config']]), ...digestsIn(json?.['layers'])]) found.add(digest);
    for (const digest of digestsIn(json?.['manifests'])) documents.add(digest);
  }
  return found;
}

/** Null when it cannot be read: then it names nothing. */
function readDocument(path: string, digest: Digest): Record<string, unknown> | null {
  try {
    if (statSync(path).size > MAX_MANIFEST) return null;
    const bytes = readFileSync(path);
    return digestOf(bytes) === digest ? parseObject(bytes) : null;
  } catch {
    return null;
  }
}

/** Whoever wrote the layout may have put anything there: a digest becomes the name of a file. */
const digestsIn = (list: unknown): readonly Digest[] =>
  (Array.isArray(list) ? list : []).flatMap((item: unknown) => {
    const digest = isObject(item) ? item['digest'] : undefined;
    return typeof digest === 'string' && isDigest(digest) ? [digest] : [];
  });
