// File system calls that Node has no binding for: extended attributes, device nodes, times in
// nanoseconds. None follows a final symlink. Loaded where layers are unpacked or diffed; each wrapper
// throws SyscallError with the errno name. Calls of namespaces and mounts are in namespace-calls.ts.
import { constants } from 'node:os';
import { pathToBytes } from '../core/path-bytes.ts';
import { type Koffi, loadKoffi } from './koffi.ts';

export const S_IFIFO = 0o010000;
export const S_IFCHR = 0o020000;
export const S_IFBLK = 0o060000;
export const S_IFSOCK = 0o140000;

const AT_FDCWD = -100;
const AT_SYMLINK_NOFOLLOW = 0x100;
/** tv_nsec that leaves a time as it is. */
const UTIME_OMIT = (1n << 30n) - 2n;
/** Kernel limits: XATTR_LIST_MAX and XATTR_SIZE_MAX. */
const XATTR_MAX = 65_536;

/** `code` is the errno name, as in errors of node:fs. */
export class SyscallError extends Error {
  override readonly name = 'SyscallError';
  readonly code: string;

  constructor(call: string, errno: number, path: string) {
    const code = Object.entries(constants.errno).find(([, value]) => value === errno)?.[0] ?? `errno ${errno}`;
    super(`${call} ${JSON.stringify(path)}: ${code}`);
    this.code = code;
  }
}

/** libc, for those who bind functions of it. */
export interface Libc {
  readonly koffi: Koffi;
  readonly libc: ReturnType<Koffi['load']>;
  /** The result of a call; SyscallError for a negative one. `subject`: the path, or what the call is about. */
  check(result: number, call: string, subject?: string): number;
}

export function loadLibc(): Libc {
  const koffi = loadKoffi();
  return {
    koffi,
    libc: koffi.load(null),
    check(result, call, subject = '') {
      if (result < 0) throw new SyscallError(call, koffi.errno(), subject);
      return result;
    },
  };
}

export interface FileCalls {
  /** Names of all extended attributes that the caller may see; [] where the file system has none. */
  listXattrs(path: string): readonly string[];
  /** Value as latin1 text, or null when the attribute is absent or not supported. */
  getXattr(path: string, name: string): string | null;
  setXattr(path: string, name: string, value: string): void;
  removeXattr(path: string, name: string): void;
  /** `mode` with its S_IF… type bits. */
  makeNode(path: string, mode: number, major: number, minor: number): void;
  /** Nanoseconds since the epoch; null leaves a time unchanged. */
  setTimes(path: string, atime: bigint | null, mtime: bigint | null): void;
}

/** C string of a path whose bytes may not be UTF-8. */
export const cPath = (path: string): Buffer => pathToBytes(`${path}\0`);

/** The kernel's and glibc's encoding of a device number. */
const makeDevice = (major: number, minor: number): bigint => {
  const [high, low] = [BigInt(major), BigInt(minor)];
  return ((high & 0xfffff000n) << 32n) | ((high & 0xfffn) << 8n) | ((low & 0xffffff00n) << 12n) | (low & 0xffn);
};

/** Binds libc through koffi (a few milliseconds once for each process); keep the result. */
export function loadFileCalls(): FileCalls {
  const { koffi, libc, check } = loadLibc();
  const llistxattr = libc.func('long llistxattr(void *path, void *list, size_t size)');
  const lgetxattr = libc.func('long lgetxattr(void *path, const char *name, void *value, size_t size)');
  const lsetxattr = libc.func('int lsetxattr(void *path, const char *name, void *value, size_t size, int flags)');
  const lremovexattr = libc.func('int lremovexattr(void *path, const char *name)');
  const mknod = libc.func('int mknod(void *path, unsigned int mode, uint64_t device)');
  const utimensat = libc.func('int utimensat(int directory, void *path, void *times, int flags)');
  const scratch = Buffer.allocUnsafeSlow(XATTR_MAX);
  const { ENODATA, EOPNOTSUPP } = constants.errno;

  return {
    listXattrs(path) {
      const size: number = llistxattr(cPath(path), scratch, scratch.length);
      if (size === 0) return [];
      if (size < 0) {
        if (koffi.errno() === EOPNOTSUPP) return [];
        throw new SyscallError('llistxattr', koffi.errno(), path);
      }
      return scratch.toString('utf8', 0, size - 1).split('\0');
    },
    getXattr(path, name) {
      const size: number = lgetxattr(cPath(path), name, scratch, scratch.length);
      if (size >= 0) return scratch.toString('latin1', 0, size);
      if (koffi.errno() === ENODATA || koffi.errno() === EOPNOTSUPP) return null;
      throw new SyscallError('lgetxattr', koffi.errno(), path);
    },
    setXattr(path, name, value) {
      const bytes = Buffer.from(value, 'latin1');
      check(lsetxattr(cPath(path), name, bytes, bytes.length, 0), 'lsetxattr', path);
    },
    removeXattr(path, name) {
      check(lremovexattr(cPath(path), name), 'lremovexattr', path);
    },
    makeNode(path, mode, major, minor) {
      check(mknod(cPath(path), mode, makeDevice(major, minor)), 'mknod', path);
    },
    setTimes(path, atime, mtime) {
      const times = Buffer.alloc(32);
      for (const [at, time] of [[0, atime] as const, [16, mtime] as const]) {
        const nanoseconds = time === null ? UTIME_OMIT : ((time % 1_000_000_000n) + 1_000_000_000n) % 1_000_000_000n;
        times.writeBigInt64LE(time === null ? 0n : (time - nanoseconds) / 1_000_000_000n, at);
        times.writeBigInt64LE(nanoseconds, at + 8);
      }
      check(utimensat(AT_FDCWD, cPath(path), times, AT_SYMLINK_NOFOLLOW), 'utimensat', path);
    },
  };
}
