// A name in a directory of this machine as a FileEntry: owners zeroed, times in whole seconds. What only
// the tree and the stat cache ask for is kept aside, so that copies of the entry do not carry it.
import { readlinkSync } from 'node:fs';
import type { FileEntry, FileType } from '../core/file-entry.ts';
import { fsPath, pathFromBytes } from '../core/path-bytes.ts';
import { attempt, type DirectoryStats, S_IFMT, S_IFREG, STAMP_NUMBERS } from './read-directory.ts';
import type { FileStamp } from './stat-cache.ts';

const EMPTY_SHA256 = 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855';
const S_IFSOCK = 0o140000;
const TYPES: ReadonlyMap<number, FileType> = new Map([
  [0o040000, 'dir'],
  [S_IFREG, 'file'],
  [0o120000, 'symlink'],
  [0o010000, 'fifo'],
  [0o020000, 'char'],
  [0o060000, 'block'],
]);

/** What is known of the inside of a directory. */
export interface LocalDirectory {
  /** All names on disk. */
  names: readonly string[] | null;
  /** What was found under all of them, in the same order. */
  entries: readonly LocalEntry[] | null;
  /** What was found under single names, or where in a large directory; null: nothing. */
  byName: Map<string, LocalEntry | null> | null;
}

type Writable<T> = { -readonly [key in keyof T]: T[key] };

/** Its fields are those of FileEntry; the hash of a regular file is filled in once it is known. */
export class LocalEntry {
  readonly path: string;
  readonly type: FileType;
  mode: number;
  uid = 0;
  gid = 0;
  size: number;
  mtime: number;
  sha256: string | undefined;
  #stats: DirectoryStats;
  #at: number;
  #directory: LocalDirectory | null = null;

  constructor(path: string, stats: DirectoryStats, at: number) {
    this.path = path;
    this.#stats = stats;
    this.#at = at;
    const mode = stats.modes[at] ?? 0;
    const format = mode & S_IFMT;
    // A socket arrives as an empty regular file with the socket's mode (C-09).
    this.type = TYPES.get(format) ?? 'file';
    this.mode = mode & 0o7777;
    this.size = Number(stats.stamps[at * STAMP_NUMBERS] ?? 0n);
    this.mtime = wholeSeconds(stats.stamps[at * STAMP_NUMBERS + 1] ?? 0n);
    this.sha256 = format === S_IFSOCK ? EMPTY_SHA256 : undefined;
    if (this.type === 'dir') {
      this.#directory = { names: null, entries: null, byName: null };
    }
  }

  get stats(): DirectoryStats {
    return this.#stats;
  }

  /** Position in `stats`. */
  get at(): number {
    return this.#at;
  }

  get name(): string {
    return this.#stats.names[this.#at] ?? '';
  }

  get isSocket(): boolean {
    return ((this.#stats.modes[this.#at] ?? 0) & S_IFMT) === S_IFSOCK;
  }

  /** Equal for all names of one file. */
  get group(): string | undefined {
    return this.#stats.odd.get(this.#at)?.group;
  }

  /** Null for anything but a directory. */
  get directory(): LocalDirectory | null {
    return this.#directory;
  }

  get stamp(): FileStamp {
    const { stamps } = this.#stats;
    const first = this.#at * STAMP_NUMBERS;
    return {
      size: Number(stamps[first] ?? 0n),
      mtime: stamps[first + 1] ?? 0n,
      ctime: stamps[first + 2] ?? 0n,
      inode: BigInt.asUintN(64, stamps[first + 3] ?? 0n),
    };
  }

  /** Whether `stats` of the same directory say the same of it. */
  looksAsIn(stats: DirectoryStats): boolean {
    if (stats === this.#stats) return true;
    const at = stats.names.indexOf(this.name);
    if (at === -1 || stats.modes[at] !== this.#stats.modes[this.#at]) return false;
    const stampOf = (of: DirectoryStats, which: number): BigInt64Array =>
      of.stamps.subarray(which * STAMP_NUMBERS, (which + 1) * STAMP_NUMBERS);
    const now = stampOf(stats, at);
    return this.type === 'dir' || stampOf(this.#stats, this.#at).every((number, which) => number === now[which]);
  }

  setContent(size: number, sha256: string): void {
    this.size = size;
    this.sha256 = sha256;
  }

  /** Takes over what a later look at the same name found, when it still is what it was. */
  renew(stats: DirectoryStats): void {
    const fresh = new LocalEntry(this.path, stats, 0);
    if (fresh.type !== this.type || stats.modes[0] === 0) return;
    this.mode = fresh.mode;
    this.size = fresh.size;
    this.mtime = fresh.mtime;
    this.#stats = stats;
    this.#at = 0;
  }
}

/** The entry at position `at`, or null when its name had vanished. `host` says where a path is. Throws context/unreadable. */
export function entryOf(path: string, host: (path: string) => string, stats: DirectoryStats, at: number): LocalEntry | null {
  if (stats.modes[at] === 0) return null;
  const entry = new LocalEntry(path, stats, at);
  const rare = entry as LocalEntry & Partial<Pick<Writable<FileEntry>, 'link' | 'devMajor' | 'devMinor'>>;
  if (entry.type === 'symlink') {
    const link = attempt(path, () => pathFromBytes(readlinkSync(fsPath(host(path)), { encoding: 'buffer' })));
    rare.link = link ?? '';
  } else if (entry.type === 'char' || entry.type === 'block') Object.assign(rare, deviceNumbers(stats.odd.get(at)?.rdev ?? 0n));
  return entry;
}

const SECOND = 1_000_000_000n;

/** Rounded down, also before 1970. */
function wholeSeconds(nanoseconds: bigint): number {
  const seconds = Number(nanoseconds / SECOND);
  return nanoseconds < 0n && nanoseconds % SECOND !== 0n ? seconds - 1 : seconds;
}

/** Linux's 64-bit dev_t. */
function deviceNumbers(rdev: bigint): { devMajor: number; devMinor: number } {
  return {
    devMajor: Number(((rdev >> 8n) & 0xfffn) | ((rdev >> 32n) & 0xfffff000n)),
    devMinor: Number((rdev & 0xffn) | ((rdev >> 12n) & 0xffffff00n)),
  };
}
