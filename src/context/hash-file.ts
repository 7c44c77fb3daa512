// Hashes one regular file with synchronous calls and notices when it changes meanwhile.
import { createHash, hash } from 'node:crypto';
import { type BigIntStats, closeSync, constants, fstatSync, openSync, readSync } from 'node:fs';
import { errnoOf } from '../core/errors.ts';
import { fsPath } from '../core/path-bytes.ts';
import { type FileStamp, sameStamp } from './stat-cache.ts';

export type HashResult =
  | {
      /** Of the first `stamp.size` bytes; in another scheme when one was asked for. */
      readonly sha256: string;
      readonly stamp: FileStamp;
      /** False when the file kept changing: the hash stands for this build only. */
      readonly stable: boolean;
    }
  /** An errno name; EINVAL when it is no regular file any more. */
  | { readonly errno: string };

// A name swapped for a link or a fifo after the walk must neither lead elsewhere nor block.
const FLAGS = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;
const ATTEMPTS = 3;
export const BUFFER_SIZE = 1 << 20;

/** How content becomes hex digits; `prefix` gives what is hashed before it. */
export interface HashScheme {
  readonly algorithm: 'sha1' | 'sha256';
  prefix(size: number): string;
}

const CONTENT: HashScheme = { algorithm: 'sha256', prefix: () => '' };

/** The id of content as a blob of a git repository, whose object format is the algorithm. */
export const gitBlobScheme = (algorithm: 'sha1' | 'sha256'): HashScheme => ({ algorithm, prefix: (size) => `blob ${size}\0` });

/** Hashes the file at `host`; `buffer` is scratch space of BUFFER_SIZE bytes. Never throws for what the file system answers. */
export function hashFile(host: string, buffer: Buffer, scheme: HashScheme = CONTENT): HashResult {
  let fd: number;
  try {
    fd = openSync(fsPath(host), FLAGS);
  } catch (error) {
    return failed(error);
  }
  try {
    let before = fstatSync(fd, { bigint: true });
    if (!before.isFile()) return { errno: 'EINVAL' };
    for (let attempt = 1; ; attempt += 1) {
      const size = Number(before.size);
      const sha256 = hashBytes(fd, size, buffer, scheme);
      const after = fstatSync(fd, { bigint: true });
      const stable = sha256 !== null && sameStamp(stampOf(before), stampOf(after));
      if (sha256 !== null && (stable || attempt === ATTEMPTS)) return { sha256, stamp: stampOf(before), stable };
      if (attempt === ATTEMPTS) return { errno: 'EBUSY' };
      before = after;
    }
  } catch (error) {
    return failed(error);
  } finally {
    closeSync(fd);
  }
}

const stampOf = (stats: BigIntStats): FileStamp => ({
  size: Number(stats.size),
  mtime: stats.mtimeNs,
  ctime: stats.ctimeNs,
  inode: stats.ino,
});

/** Hash of exactly `size` bytes from the start, or null when the file is shorter by now. */
function hashBytes(fd: number, size: number, buffer: Buffer, scheme: HashScheme): string | null {
  if (size <= buffer.length && scheme === CONTENT) {
    const read = fill(fd, buffer, size, 0);
    return read === size ? hash('sha256', buffer.subarray(0, size), 'hex') : null;
  }
  const digest = createHash(scheme.algorithm).update(scheme.prefix(size));
  for (let at = 0; at < size; ) {
    const want = Math.min(buffer.length, size - at);
    if (fill(fd, buffer, want, at) !== want) return null;
    digest.update(buffer.subarray(0, want));
    at += want;
  }
  return digest.digest('hex');
}

function fill(fd: number, buffer: Buffer, want: number, position: number): number {
  let read = 0;
  while (read < want) {
    const got = readSync(fd, buffer, read, want - read, position + read);
    if (got === 0) break;
    read += got;
  }
  return read;
}

function failed(error: unknown): HashResult {
  const errno = errnoOf(error);
  if (errno === undefined) throw error;
  return { errno };
}
