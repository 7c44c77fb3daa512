// What a directory of this machine holds, in columns: one lstat a name and no object for any of them, so
// that 100,000 files cost little memory. Uses nothing but the file system: a thread may run it.
import { type BigIntStats, lstatSync, readdirSync } from 'node:fs';
import { errnoOf, TsbuildError } from '../core/errors.ts';
import { comparePaths, fsPath, isPlainPath, pathFromBytes } from '../core/path-bytes.ts';

/** Numbers that tell one state of a file from the next: size, mtime and ctime in nanoseconds, inode. */
export const STAMP_NUMBERS = 4;

export interface DirectoryStats {
  /** In byte order. */
  readonly names: readonly string[];
  /** STAMP_NUMBERS for each name; the size of what is no regular file is 0. */
  readonly stamps: BigInt64Array<ArrayBuffer>;
  /** st_mode; 0 where a name vanished before it was looked at. */
  readonly modes: Uint32Array<ArrayBuffer>;
  /** By position: what few files have. */
  readonly odd: ReadonlyMap<number, OddStats>;
}

export interface OddStats {
  /** Device and inode of a file with several names. */
  readonly group?: string;
  /** Number of a device node. */
  readonly rdev?: bigint;
}

export const S_IFMT = 0o170000;
export const S_IFREG = 0o100000;
const S_IFDIR = 0o040000;
const S_IFCHR = 0o020000;
const S_IFBLK = 0o060000;
const LSTAT = { bigint: true, throwIfNoEntry: false } as const;

/** Looks at everything in the directory `path` below `root`; nothing when it vanished. Throws context/unreadable. */
export function readDirectory(root: string, path: string): DirectoryStats {
  const host = hostOf(root, path);
  return readStats(readNames(path, host), prefixOf(path), prefixOf(host));
}

/** Where `path` below the directory `root` is. */
export const hostOf = (root: string, path: string): string => (path === '' ? root : root === '/' ? `/${path}` : `${root}/${path}`);

/** What paths of names in `dir` begin with. */
export const prefixOf = (dir: string): string => (dir === '' || dir.endsWith('/') ? dir : `${dir}/`);

/** Whether the mode is that of a directory. */
export const isDirectory = (mode: number): boolean => (mode & S_IFMT) === S_IFDIR;

/** All names in the directory `host`, sorted by bytes; [] when it vanished. Throws context/unreadable, which calls it `path`. */
export function readNames(path: string, host: string): readonly string[] {
  const from = fsPath(host);
  let names = attempt(path, () => readdirSync(from)) ?? [];
  // The decoder's replacement character hides bytes that are not UTF-8: read those again as bytes.
  if (names.join('/').includes('\ufffd')) {
    names = (attempt(path, () => readdirSync(from, { encoding: 'buffer' })) ?? []).map((name) => pathFromBytes(name));
  }
  return /[\ud800-\uffff]/.test(names.join('/')) ? names.sort(comparePaths) : names.sort();
}

/** Looks at `names` in the directory whose paths begin with `host` and, in messages, with `path`. Throws context/unreadable. */
export function readStats(names: readonly string[], path: string, host: string): DirectoryStats {
  const stamps = new BigInt64Array(names.length * STAMP_NUMBERS);
  const modes = new Uint32Array(names.length);
  const odd = new Map<number, OddStats>();
  // Asked once for all names, because most directories have none that is not plain text.
  const pathOf = isPlainPath(host + names.join('/')) ? undefined : fsPath;
  for (let at = 0; at < names.length; at++) {
    const name = names[at] ?? '';
    const stats = lstat(path, name, pathOf === undefined ? host + name : pathOf(host + name));
    if (stats === undefined) continue;
    const mode = Number(stats.mode);
    const format = mode & S_IFMT;
    modes[at] = mode;
    const first = at * STAMP_NUMBERS;
    stamps[first] = format === S_IFREG ? stats.size : 0n;
    stamps[first + 1] = stats.mtimeNs;
    stamps[first + 2] = stats.ctimeNs;
    stamps[first + 3] = stats.ino;
    const shared = format !== S_IFDIR && stats.nlink > 1n;
    const device = format === S_IFCHR || format === S_IFBLK;
    if (shared || device) {
      odd.set(at, { ...(shared ? { group: `${stats.dev}:${stats.ino}` } : {}), ...(device ? { rdev: stats.rdev } : {}) });
    }
  }
  return { names, stamps, modes, odd };
}

function lstat(path: string, name: string, host: string | Buffer): BigIntStats | undefined {
  // A NUL can come from a Dockerfile; no file has one.
  if (name.includes('\0')) return undefined;
  try {
    return lstatSync(host, LSTAT);
  } catch (error) {
    return passOver(path + name, error);
  }
}

/** Runs one file system call; what vanished meanwhile is undefined, what may not be read is an error that names it. */
export function attempt<T>(path: string, call: () => T): T | undefined {
  try {
    return call();
  } catch (error) {
    return passOver(path, error);
  }
}

function passOver(path: string, error: unknown): undefined {
  const errno = errnoOf(error);
  if (errno === undefined) throw error;
  if (errno === 'ENOENT' || errno === 'ENOTDIR' || errno === 'ENAMETOOLONG') return undefined;
  throw unreadable(path, errno, error);
}

export const unreadable = (path: string, errno: string, cause: unknown): TsbuildError =>
  new TsbuildError({
    code: 'context/unreadable',
    message: `cannot read ${JSON.stringify(path || '.')} in the build context (${errno})`,
    hint: 'Make it readable, or leave it out with a line in .dockerignore.',
    cause,
    data: { path, errno },
  });
