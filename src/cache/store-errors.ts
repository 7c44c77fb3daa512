// Turns what the operating system says about a file of the store into an error that names the path
// and says what to do. Everything in this folder that touches the disk reports through here.
import { errnoOf, messageOf, TsbuildError } from '../core/errors.ts';

const FULL = new Set(['ENOSPC', 'EDQUOT']);
const LIMITS: Readonly<Record<string, string>> = {
  EMFILE: 'raise the limit of open files of this shell: ulimit -n 4096',
  ENFILE: 'too many files are open on this machine: sysctl fs.file-max',
  EFBIG: 'raise the limit of file sizes of this shell: ulimit -f unlimited',
};
const READ_ONLY = new Set(['EACCES', 'EPERM', 'EROFS']);

/** `doing` completes "cannot …": `write`, `read`, `create`. A TsbuildError passes unchanged. */
export function storeError(error: unknown, doing: string, path: string): TsbuildError {
  if (error instanceof TsbuildError) return error;
  const errno = errnoOf(error);
  if (errno !== undefined && FULL.has(errno)) {
    return new TsbuildError({
      code: 'store/disk-full',
      message: `cannot ${doing} ${path}: ${errno === 'EDQUOT' ? 'disk quota exceeded' : 'no space left on device'}`,
      hint: 'free space with `tsbuild prune`, or move the store with --root',
      cause: error,
      data: { path, errno },
    });
  }
  if (errno !== undefined && READ_ONLY.has(errno)) {
    const why = errno === 'EROFS' ? 'read-only file system' : 'permission denied';
    return new TsbuildError({
      code: 'store/not-writable',
      message: `cannot ${doing} ${path}: ${why}`,
      hint: 'make the store writable for this user, or choose another one with --root',
      cause: error,
      data: { path, errno },
    });
  }
  const reason = errno ?? messageOf(error);
  return new TsbuildError({
    code: 'store/io',
    message: `cannot ${doing} ${path}: ${reason}`,
    hint: LIMITS[errno ?? ''] ?? 'check the file system that holds the store',
    cause: error,
    data: { path, ...(errno === undefined ? {} : { errno }) },
  });
}
