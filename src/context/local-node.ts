// What one lstat says about a name in a directory tree, in the shape layers use: owners zeroed,
// times in whole seconds, nanoseconds kept aside for the stat cache.
import { type BigIntStats, lstatSync, readdirSync, readlinkSync } from 'node:fs';
import { errnoOf, TsbuildError } from '../core/errors.ts';
import type { FileEntry, FileType } from '../core/file-entry.ts';
import { comparePaths, fsPath, pathFromBytes } from '../core/path-bytes.ts';
import type { ParentMatch } from './pattern-matcher.ts';
import type { FileStamp } from './stat-cache.ts';

/** What is known about one path. A regular file's node is its own stamp: there are many of them. */
export interface Node extends FileStamp {
  entry: FileEntry;
  /** Left out by a rule; a directory may still be visible for what is below it. */
  excluded: boolean;
  readonly socket: boolean;
  /** Equal for all names of one file. */
  readonly group: string | undefined;
  readonly dir: Directory | null;
}

export interface Directory {
  /** Excluded together with everything below. */
  pruned: boolean;
  /** What children inherit from the ignore rules. */
  matched: ParentMatch | null;
  names: readonly string[] | null;
  visible: boolean | null;
}

const EMPTY_SHA256 = 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855';
const LSTAT = { bigint: true, throwIfNoEntry: false } as const;

const S_IFMT = 0o170000;
const S_IFREG = 0o100000;
const S_IFSOCK = 0o140000;
const TYPES: ReadonlyMap<number, FileType> = new Map([
  [0o040000, 'dir'],
  [0o100000, 'file'],
  [0o120000, 'symlink'],
  [0o010000, 'fifo'],
  [0o020000, 'char'],
  [0o060000, 'block'],
]);

/** Looks at `host`, to be known as `path`; null when nothing is there. Throws context/unreadable. */
export function readNode(path: string, host: string): Node | null {
  // A NUL can come from a Dockerfile; no file has one.
  if (path.includes('\0')) return null;
  const stats = attempt(path, () => lstatSync(fsPath(host), LSTAT));
  return stats === undefined ? null : toNode(path, stats, host);
}

/** All names in the directory `host`, sorted by bytes; [] when it vanished. Throws context/unreadable. */
export function readNames(path: string, host: string): readonly string[] {
  const from = fsPath(host);
  let names = attempt(path, () => readdirSync(from)) ?? [];
  // The decoder's replacement character hides bytes that are not UTF-8: read those again as bytes.
  if (names.some((name) => name.includes('\ufffd'))) {
    names = (attempt(path, () => readdirSync(from, { encoding: 'buffer' })) ?? []).map((name) => pathFromBytes(name));
  }
  return names.some((name) => /[\ud800-\uffff]/.test(name)) ? names.sort(comparePaths) : names.sort();
}

/** Runs one file system call; what vanished meanwhile is undefined, what may not be read is an error that names it. */
function attempt<T>(path: string, call: () => T): T | undefined {
  try {
    return call();
  } catch (error) {
    const errno = errnoOf(error);
    if (errno === undefined) throw error;
    if (errno === 'ENOENT' || errno === 'ENOTDIR' || errno === 'ENAMETOOLONG') return undefined;
    throw unreadable(path, errno, error);
  }
}

export const unreadable = (path: string, errno: string, cause: unknown): TsbuildError =>
  new TsbuildError({
    code: 'context/unreadable',
    message: `cannot read ${JSON.stringify(path || '.')} in the build context (${errno})`,
    hint: 'Make it readable, or leave it out with a line in .dockerignore.',
    cause,
    data: { path, errno },
  });

function toNode(path: string, stats: BigIntStats, host: string): Node {
  const bits = Number(stats.mode);
  const format = bits & S_IFMT;
  // A socket arrives as an empty regular file with the socket's mode (C-09).
  const type = TYPES.get(format) ?? 'file';
  const mode = bits & 0o7777;
  const mtime = wholeSeconds(stats);
  const size = format === S_IFREG ? Number(stats.size) : 0;
  let entry: FileEntry = { path, type, mode, uid: 0, gid: 0, size, mtime };
  if (type === 'symlink') {
    const link = attempt(path, () => pathFromBytes(readlinkSync(fsPath(host), { encoding: 'buffer' })));
    entry = { ...entry, link: link ?? '' };
  } else if (type === 'char' || type === 'block') entry = { ...entry, ...deviceNumbers(stats.rdev) };
  else if (format === S_IFSOCK) entry = { ...entry, sha256: EMPTY_SHA256 };
  return {
    entry,
    size,
    mtime: stats.mtimeNs,
    ctime: stats.ctimeNs,
    inode: stats.ino,
    excluded: false,
    socket: format === S_IFSOCK,
    group: stats.nlink > 1n && type !== 'dir' ? `${stats.dev}:${stats.ino}` : undefined,
    dir: type === 'dir' ? { pruned: false, matched: null, names: null, visible: null } : null,
  };
}

/** Rounded down, also before 1970, where the milliseconds of the stats are rounded towards zero. */
function wholeSeconds(stats: BigIntStats): number {
  const milliseconds = Number(stats.mtimeMs);
  if (milliseconds > 0) return Math.floor(milliseconds / 1000);
  const second = 1_000_000_000n;
  return Number((stats.mtimeNs - (((stats.mtimeNs % second) + second) % second)) / second);
}

/** Linux's 64-bit dev_t. */
function deviceNumbers(rdev: bigint): { devMajor: number; devMinor: number } {
  return {
    devMajor: Number(((rdev >> 8n) & 0xfffn) | ((rdev >> 32n) & 0xfffff000n)),
    devMinor: Number((rdev & 0xffn) | ((rdev >> 12n) & 0xffffff00n)),
  };
}
