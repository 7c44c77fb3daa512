// Reads one blob as a stream that checks the digest while it passes. The last chunk is given out
// before the check, so a consumer must treat an error as "none of it counts", as with any stream.
import { type BigIntStats, close, constants, fstat, open, read, statSync, unlinkSync } from 'node:fs';
import { Readable } from 'node:stream';
import { type Digest, hasher } from '../core/digest.ts';
import { errnoOf, TsbuildError } from '../core/errors.ts';
import { storeError } from './store-errors.ts';

const CHUNK_BYTES = 256 * 1024;

export const missingBlob = (digest: Digest): TsbuildError =>
  new TsbuildError({
    code: 'store/missing-blob',
    message: `blob ${digest} is not in the store`,
    hint: 'run the command again to make or fetch it',
    data: { digest },
  });

/** Removes the damaged file, so that the next run heals the store, unless somebody replaced it meanwhile. */
export function corruptBlob(digest: Digest, path: string, inode: bigint, size: number): TsbuildError {
  let removed = false;
  try {
    if (statSync(path, { bigint: true }).ino === inode) {
      unlinkSync(path);
      removed = true;
    }
  } catch (error) {
    removed = errnoOf(error) === 'ENOENT';
  }
  return new TsbuildError({
    code: 'store/corrupt-blob',
    message: `blob ${digest} is damaged: its ${size} bytes at ${path} have another digest`,
    hint: removed
      ? 'the damaged file was removed; run the command again to make or fetch it'
      : `remove ${path}, then run the command again`,
    data: { digest, path, removed },
  });
}

/** Opens lazily, closes on end, error and destroy. Ends in an error when the bytes do not match. */
export class BlobReader extends Readable {
  readonly #digest: Digest;
  readonly #path: string;
  readonly #hash = hasher();
  #fd = -1;
  #inode = 0n;
  #position = 0;

  constructor(digest: Digest, path: string) {
    super({ highWaterMark: CHUNK_BYTES });
    this.#digest = digest;
    this.#path = path;
  }

  override _construct(callback: (error?: Error | null) => void): void {
    open(this.#path, constants.O_RDONLY | constants.O_NOFOLLOW, (error, fd) => {
      if (error !== null) {
        callback(error.code === 'ENOENT' ? missingBlob(this.#digest) : storeError(error, 'read', this.#path));
        return;
      }
      this.#fd = fd;
      fstat(fd, { bigint: true }, (failure: Error | null, stats: BigIntStats) => {
        if (failure === null) this.#inode = stats.ino;
        callback(failure === null ? null : storeError(failure, 'read', this.#path));
      });
    });
  }

  override _read(): void {
    const buffer = Buffer.allocUnsafeSlow(CHUNK_BYTES);
    read(this.#fd, buffer, 0, CHUNK_BYTES, this.#position, (error, count) => {
      if (error !== null) this.destroy(storeError(error, 'read', this.#path));
      else if (count === 0) this.#finish();
      else {
        const bytes = buffer.subarray(0, count);
        this.#position += count;
        this.#hash.update(bytes);
        this.push(bytes);
      }
    });
  }

  override _destroy(error: Error | null, callback: (error?: Error | null) => void): void {
    if (this.#fd < 0) callback(error);
    else close(this.#fd, (failure) => callback(error ?? failure));
  }

  #finish(): void {
    if (this.#hash.digest() === this.#digest) this.push(null);
    else this.destroy(corruptBlob(this.#digest, this.#path, this.#inode, this.#position));
  }
}
