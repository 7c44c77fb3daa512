// Writes one blob: a temporary file that is hashed on the way and renamed to its digest at the end.
// Small chunks are gathered, large ones go straight to the thread pool while the hash runs here.
import { randomBytes } from 'node:crypto';
import { closeSync, openSync, renameSync, rmSync, write as writeCallback, writeSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { type Digest, hasher } from '../core/digest.ts';
import { errnoOf, InvariantError, TsbuildError } from '../core/errors.ts';
import type { BlobWriter, OnGrowth, StoredBlob } from './blob-store.ts';
import { makeDirectory } from './make-directory.ts';
import { storeError } from './store-errors.ts';

/** Finished blobs are read-only; the descriptor that created the file may still write. */
export const BLOB_MODE = 0o444;
const GATHER_BYTES = 256 * 1024;

/** Opens a new temporary file; the process id in its name lets gc see whether its writer still lives. */
export function openTemp(tempDir: string): { readonly fd: number; readonly path: string } {
  const path = join(tempDir, `${process.pid}-${randomBytes(8).toString('hex')}`);
  try {
    return { fd: openSync(path, 'wx', BLOB_MODE), path };
  } catch (error) {
    if (errnoOf(error) !== 'ENOENT') throw storeError(error, 'create', path);
  }
  makeDirectory(tempDir);
  try {
    return { fd: openSync(path, 'wx', BLOB_MODE), path };
  } catch (error) {
    throw storeError(error, 'create', path);
  }
}

const RENAMES = 3;

/** Atomic; replaces a file of the same name, which holds the same bytes or damaged ones. */
export function renameInto(temp: string, target: string): void {
  for (let attempt = 1; ; attempt += 1) {
    try {
      renameSync(temp, target);
      return;
    } catch (error) {
      if (errnoOf(error) !== 'ENOENT' || attempt === RENAMES) throw storeError(error, 'create', target);
    }
    // Again where a prune takes a directory for unused before the file is in it.
    makeDirectory(dirname(target));
  }
}

/** A small file, all at once. */
export function writeInto(tempDir: string, target: string, bytes: Uint8Array): void {
  const { fd, path } = openTemp(tempDir);
  try {
    try {
      for (let at = 0; at < bytes.length; ) at += writeSync(fd, bytes, at);
    } finally {
      closeSync(fd);
    }
    renameInto(path, target);
  } catch (error) {
    rmSync(path, { force: true });
    throw storeError(error, 'write', path);
  }
}

export function digestMismatch(expected: { readonly digest: Digest; readonly size?: number }, got: StoredBlob): TsbuildError {
  const differs =
    expected.digest === got.digest ? `size ${got.size} instead of ${expected.size}` : `digest ${got.digest}, size ${got.size}`;
  return new TsbuildError({
    code: 'store/digest-mismatch',
    message: `content promised as ${expected.digest} has ${differs}`,
    hint: 'the source of these bytes is damaged or lies; fetch or build them again',
    data: { expected: expected.digest, expectedSize: expected.size, digest: got.digest, size: got.size },
  });
}

/** True when `got` is what was promised. */
export const isExpected = (expected: { readonly digest: Digest; readonly size?: number }, got: StoredBlob): boolean =>
  expected.digest === got.digest && (expected.size === undefined || expected.size === got.size);

export class FsBlobWriter implements BlobWriter {
  readonly #hash = hasher();
  readonly #fd: number;
  readonly #temp: string;
  readonly #target: (digest: Digest) => string;
  readonly #onGrowth: OnGrowth | undefined;
  #state: 'open' | 'committed' | 'aborted' = 'open';
  #size = 0;
  /** File offset of the next flush; positioned writes keep call order whichever finishes first. */
  #offset = 0;
  #gathered: Buffer | undefined;
  #used = 0;
  #failure: unknown;
  readonly #pending = new Set<Promise<void>>();

  constructor(tempDir: string, target: (digest: Digest) => string, onGrowth?: OnGrowth) {
    const { fd, path } = openTemp(tempDir);
    this.#fd = fd;
    this.#temp = path;
    this.#target = target;
    this.#onGrowth = onGrowth;
  }

  async write(chunk: Uint8Array): Promise<void> {
    if (this.#state !== 'open') throw new InvariantError(`write to a blob that is ${this.#state}`);
    if (this.#failure !== undefined) throw this.#failure;
    this.#size += chunk.length;
    if (chunk.length >= GATHER_BYTES / 4) {
      const gathered = this.#flushGathered();
      const written = this.#writeOut(chunk);
      this.#hash.update(chunk);
      await gathered;
      await written;
      return;
    }
    this.#hash.update(chunk);
    const full = this.#used + chunk.length > GATHER_BYTES ? this.#flushGathered() : undefined;
    this.#gathered ??= Buffer.allocUnsafeSlow(GATHER_BYTES);
    this.#gathered.set(chunk, this.#used);
    this.#used += chunk.length;
    await full;
  }

  async commit(expected?: { readonly digest: Digest; readonly size?: number }): Promise<StoredBlob> {
    if (this.#state !== 'open') throw new InvariantError(`commit of a blob that is ${this.#state}`);
    try {
      await this.#flushGathered();
      await Promise.all(this.#pending);
      if (this.#failure !== undefined) throw this.#failure;
    } catch (error) {
      await this.abort();
      throw error;
    }
    this.#state = 'committed';
    try {
      closeSync(this.#fd);
      const stored: StoredBlob = { digest: this.#hash.digest(), size: this.#size };
      if (expected !== undefined && !isExpected(expected, stored)) throw digestMismatch(expected, stored);
      renameInto(this.#temp, this.#target(stored.digest));
      return stored;
    } catch (error) {
      rmSync(this.#temp, { force: true });
      throw storeError(error, 'write', this.#temp);
    }
  }

  async abort(): Promise<void> {
    if (this.#state !== 'open') return;
    this.#state = 'aborted';
    // The descriptor must not be closed below a write that is still running: its number may be reused.
    await Promise.allSettled(this.#pending);
    closeSync(this.#fd);
    rmSync(this.#temp, { force: true });
  }

  #flushGathered(): Promise<void> | undefined {
    const buffer = this.#gathered;
    if (buffer === undefined || this.#used === 0) return undefined;
    const bytes = buffer.subarray(0, this.#used);
    this.#gathered = undefined;
    this.#used = 0;
    return this.#writeOut(bytes);
  }

  #writeOut(bytes: Uint8Array): Promise<void> {
    const at = this.#offset;
    this.#offset += bytes.length;
    const done = this.#writeAt(bytes, at).catch((error: unknown) => {
      this.#failure ??= storeError(error, 'write', this.#temp);
      throw this.#failure;
    });
    const tracked = done.then(
      () => undefined,
      () => undefined,
    );
    this.#pending.add(tracked);
    void tracked.then(() => {
      this.#pending.delete(tracked);
      if (this.#pending.size === 0 && this.#failure === undefined) this.#onGrowth?.(this.#temp, this.#offset);
    });
    return done;
  }

  #writeAt(bytes: Uint8Array, position: number): Promise<void> {
    return new Promise((resolve, reject) => {
      const step = (start: number): void => {
        writeCallback(this.#fd, bytes, start, bytes.length - start, position + start, (error, written) => {
          if (error !== null) reject(error);
          else if (start + written < bytes.length) step(start + written);
          else resolve();
        });
      };
      step(0);
    });
  }
}
