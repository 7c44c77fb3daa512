// The blob store on disk: blobs-v1/sha256/<2 hex>/<64 hex>, temporary files in tmp-v1. There is no
// fsync: a blob that a power cut truncates is found when read, removed, and made again. A blob's
// mtime is its last use, refreshed at most every ten minutes, which is what gc orders by.
import { lstatSync, opendirSync, readFileSync, rmSync, type Stats, utimesSync } from 'node:fs';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { type Digest, digestOf, hexOf, isDigest } from '../core/digest.ts';
import { errnoOf, TsbuildError } from '../core/errors.ts';
import { BlobReader, corruptBlob, missingBlob } from './blob-reader.ts';
import type { BlobStore, BlobWriter, OnGrowth, StoredBlob } from './blob-store.ts';
import { FsBlobWriter, writeInto } from './blob-writer.ts';
import { storeError } from './store-errors.ts';
import { BLOBS_DIR, TEMP_DIR } from './store-layout.ts';

export const DEFAULT_READ_LIMIT = 32 * 1024 * 1024;
/** Milliseconds between refreshes of a blob's mtime. */
export const TOUCH_INTERVAL = 10 * 60 * 1000;

class FsBlobStore implements BlobStore {
  readonly #blobs: string;
  readonly #temp: string;

  constructor(root: string) {
    this.#blobs = join(root, BLOBS_DIR, 'sha256');
    this.#temp = join(root, TEMP_DIR);
  }

  path(digest: Digest): string {
    const hex = hexOf(digest);
    return join(this.#blobs, hex.slice(0, 2), hex);
  }

  has(digest: Digest): boolean {
    return this.size(digest) !== null;
  }

  size(digest: Digest): number | null {
    const path = this.path(digest);
    const stats = this.#stat(path);
    if (stats === null) return null;
    touch(path, stats);
    return stats.size;
  }

  open(digest: Digest): Readable {
    return new BlobReader(digest, this.path(digest));
  }

  async read(digest: Digest, limit = DEFAULT_READ_LIMIT): Promise<Buffer> {
    const path = this.path(digest);
    const stats = this.#stat(path);
    if (stats === null) throw missingBlob(digest);
    if (stats.size > limit) {
      throw new TsbuildError({
        code: 'store/blob-too-large',
        message: `blob ${digest} has ${stats.size} bytes; at most ${limit} are allowed here`,
        hint: 'the image is broken or hostile; use another one',
        data: { digest, size: stats.size, limit },
      });
    }
    touch(path, stats);
    let bytes: Buffer;
    try {
      bytes = readFileSync(path);
    } catch (error) {
      throw errnoOf(error) === 'ENOENT' ? missingBlob(digest) : storeError(error, 'read', path);
    }
    if (digestOf(bytes) !== digest) throw corruptBlob(digest, path, BigInt(stats.ino), bytes.length);
    return bytes;
  }

  writer(onGrowth?: OnGrowth): BlobWriter {
    return new FsBlobWriter(this.#temp, (digest) => this.path(digest), onGrowth);
  }

  /** Synchronous inside: for the small documents it serves, the thread pool costs more than the write. */
  async put(bytes: Uint8Array): Promise<StoredBlob> {
    const digest = digestOf(bytes);
    if (this.#holds(this.path(digest), bytes)) return { digest, size: bytes.length };
    writeInto(this.#temp, this.path(digest), bytes);
    return { digest, size: bytes.length };
  }

  /** Reading a small file costs less than replacing it; a damaged one is replaced. */
  #holds(path: string, bytes: Uint8Array): boolean {
    const stats = this.#stat(path);
    if (stats?.size !== bytes.length) return false;
    try {
      if (!readFileSync(path).equals(bytes)) return false;
    } catch {
      return false;
    }
    touch(path, stats);
    return true;
  }

  remove(digest: Digest): void {
    const path = this.path(digest);
    try {
      rmSync(path, { force: true });
    } catch (error) {
      throw storeError(error, 'remove', path);
    }
  }

  *list(): Generator<StoredBlob> {
    for (const prefix of names(this.#blobs)) {
      for (const name of names(join(this.#blobs, prefix))) {
        const digest = `sha256:${name}`;
        if (!isDigest(digest) || !name.startsWith(prefix)) continue;
        const stats = this.#stat(this.path(digest));
        if (stats !== null) yield { digest, size: stats.size };
      }
    }
  }

  /** Null unless a regular file is there; a link planted in the store is not a blob. */
  #stat(path: string): Stats | null {
    try {
      const stats = lstatSync(path, { throwIfNoEntry: false });
      return stats?.isFile() ? stats : null;
    } catch (error) {
      if (errnoOf(error) === 'ENOTDIR') return null;
      throw storeError(error, 'read', path);
    }
  }
}

/** Best effort: a store that may only be read still serves. */
function touch(path: string, stats: Stats): void {
  const now = Date.now();
  if (now - stats.mtimeMs < TOUCH_INTERVAL) return;
  try {
    utimesSync(path, now / 1000, now / 1000);
  } catch {
    // Losing a refresh only makes the blob look older to gc.
  }
}

function* names(directory: string): Generator<string> {
  let handle: ReturnType<typeof opendirSync>;
  try {
    handle = opendirSync(directory);
  } catch (error) {
    const errno = errnoOf(error);
    if (errno === 'ENOENT' || errno === 'ENOTDIR') return;
    throw storeError(error, 'read', directory);
  }
  try {
    for (let entry = handle.readSync(); entry !== null; entry = handle.readSync()) yield entry.name;
  } finally {
    handle.closeSync();
  }
}

/** Creates nothing until the first write; any number of processes may share `root`. */
export const openFsBlobStore = (root: string): BlobStore => new FsBlobStore(root);
