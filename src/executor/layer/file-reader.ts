// Reads files of this machine for a layer: small ones in one go into a shared buffer, large ones in
// blocks. A file that is not what its entry said (size, kind) is an error, never padding or a cut.
import { closeSync, constants, openSync, readSync } from 'node:fs';
import { errnoOf, TsbuildError } from '../../core/errors.ts';
import type { FileEntry } from '../../core/file-entry.ts';
import { fsPath } from '../../core/path-bytes.ts';

const SMALL_FILE = 256 * 1024;
const FIRST_SCRATCH = 8 * 1024;
const READ_BLOCK = 512 * 1024;
/** A fifo or link that took the file's place must neither block nor be followed. */
const OPEN_FLAGS = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;

export function fileChanged(entry: FileEntry, size: number): TsbuildError {
  const how =
    size === entry.size ? 'its content changed' : `it has ${size > entry.size ? 'more' : 'less'} than the expected ${entry.size} bytes`;
  return new TsbuildError({
    code: 'exec/layer-file-changed',
    message: `${JSON.stringify(entry.path)} changed while it was read: ${how}`,
    hint: 'run the build again when nothing writes to the file',
    data: { path: entry.path, expectedSize: entry.size },
  });
}

export class FileReader {
  #scratch: Buffer | undefined;

  isSmall(size: number): boolean {
    return size <= SMALL_FILE;
  }

  /** Content of a file of exactly `entry.size` bytes, valid until the next call. */
  readSmall(path: string, entry: FileEntry): Uint8Array {
    const fd = open(path, entry);
    const scratch = this.#room(entry.size + 1);
    try {
      // One byte more than expected shows growth without a stat.
      let size = 0;
      while (size <= entry.size) {
        const count = readSync(fd, scratch, size, entry.size + 1 - size, null);
        if (count === 0) break;
        size += count;
      }
      if (size !== entry.size) throw fileChanged(entry, size);
      return scratch.subarray(0, size);
    } catch (error) {
      throw readError(error, path, entry);
    } finally {
      closeSync(fd);
    }
  }

  /** At least `size` bytes, doubled as larger files come. */
  #room(size: number): Buffer {
    if (this.#scratch === undefined || this.#scratch.length < size) {
      let length = FIRST_SCRATCH;
      while (length < size) length *= 2;
      this.#scratch = Buffer.allocUnsafeSlow(length);
    }
    return this.#scratch;
  }

  /** Content in blocks, each valid until the next is asked for; stops one block after growth. */
  async *blocks(path: string, entry: FileEntry): AsyncGenerator<Uint8Array> {
    const fd = open(path, entry);
    const block = Buffer.allocUnsafeSlow(READ_BLOCK);
    try {
      for (let size = 0; size <= entry.size; ) {
        const count = readSync(fd, block, 0, READ_BLOCK, null);
        if (count === 0) return;
        size += count;
        yield block.subarray(0, count);
      }
    } catch (error) {
      throw readError(error, path, entry);
    } finally {
      closeSync(fd);
    }
  }
}

function open(path: string, entry: FileEntry): number {
  try {
    return openSync(fsPath(path), OPEN_FLAGS);
  } catch (error) {
    throw readError(error, path, entry);
  }
}

function readError(error: unknown, path: string, entry: FileEntry): unknown {
  const errno = errnoOf(error);
  if (error instanceof TsbuildError || errno === undefined) return error;
  // Gone, or a link or directory now: it was a readable regular file when it was walked.
  if (errno === 'ENOENT' || errno === 'ELOOP' || errno === 'EISDIR' || errno === 'ENOTDIR' || errno === 'ENXIO')
    return fileChanged(entry, entry.size);
  return new TsbuildError({
    code: 'exec/layer-read',
    message: `cannot read ${JSON.stringify(path)}: ${errno}`,
    hint: 'check the permissions of the file and of the directories above it',
    cause: error,
    data: { path, errno },
  });
}
