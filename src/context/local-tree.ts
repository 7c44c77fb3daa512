// The build context in a directory of this machine as a SourceTree: .dockerignore applied (K-02..K-08),
// owners zeroed (C-10, H-08), xattrs left out. Lazy: only what is asked for is looked at, once.
import { type BigIntStats, lstatSync, readdirSync, readlinkSync } from 'node:fs';
import { resolve } from 'node:path';
import { errnoOf, TsbuildError } from '../core/errors.ts';
import type { FileEntry, FileType } from '../core/file-entry.ts';
import { comparePaths, fsPath, pathFromBytes } from '../core/path-bytes.ts';
import { childOf, parentOf } from './clean-path.ts';
import type { ParentMatch, PatternMatcher } from './pattern-matcher.ts';
import type { SourceTree } from './source-tree.ts';

/** What tells one state of a file from the next; times in nanoseconds. */
export interface FileStamp {
  readonly size: number;
  readonly mtime: bigint;
  readonly ctime: bigint;
  readonly inode: bigint;
}

export interface LocalTree extends SourceTree {
  /** Absolute path of the directory. */
  readonly root: string;
  /** Names the file's state as of its lstat; null for anything that is no regular file in the tree. */
  stamp(path: string): FileStamp | null;
  /** Looks at the file again: it changed since. Null when it is gone or no regular file any more. */
  refresh(path: string): FileStamp | null;
  /** Remembers the content hash, so that later entries carry it. */
  setSha256(path: string, sha256: string): void;
}

export interface LocalTreeOptions {
  /** Absent: everything is visible. */
  readonly ignore?: PatternMatcher;
  /** Name of the ignore file in messages. */
  readonly ignoreName?: string;
  /** As in SourceTree; 'the build context' unless given. */
  readonly label?: string;
}

/** Opens `dir`, which must be a directory. Throws context/not-found. */
export function openLocalTree(dir: string, options: LocalTreeOptions = {}): LocalTree {
  const root = resolve(dir);
  const stats = lstatSync(`${root}/.`, { bigint: true, throwIfNoEntry: false });
  if (stats?.isDirectory() !== true) {
    throw new TsbuildError({
      code: 'context/not-found',
      message: `build context ${JSON.stringify(dir)} is not a directory`,
      data: { path: dir },
    });
  }
  return new DirectoryTree(root, toNode('', stats, `${root}/.`), options);
}

interface Node {
  entry: FileEntry;
  stamp: FileStamp | null;
  readonly group: string | undefined;
  /** Left out by a rule; a directory may still be visible for what is below it. */
  excluded: boolean;
  /** Excluded together with everything below. */
  pruned: boolean;
  /** For directories: what their children inherit. */
  matched: ParentMatch | null;
  names: readonly string[] | null;
  visible: boolean | null;
  socket: boolean;
}

const EMPTY_SHA256 = 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855';
const LSTAT = { bigint: true, throwIfNoEntry: false } as const;

class DirectoryTree implements LocalTree {
  readonly root: string;
  readonly label: string;
  readonly #ignore: PatternMatcher | null;
  readonly #ignoreName: string;
  /** Null: looked for and not there. */
  readonly #nodes = new Map<string, Node | null>();

  constructor(root: string, node: Node, options: LocalTreeOptions) {
    this.root = root;
    this.label = options.label ?? 'the build context';
    this.#ignore = options.ignore !== undefined && options.ignore.rules.length > 0 ? options.ignore : null;
    this.#ignoreName = options.ignoreName ?? '.dockerignore';
    this.#nodes.set('', { ...node, visible: true });
  }

  lstat(path: string): FileEntry | null {
    const node = this.#node(path);
    return node !== null && this.#isVisible(node) ? node.entry : null;
  }

  readdir(path: string): readonly string[] {
    const node = this.#node(path);
    if (node?.entry.type !== 'dir' || node.pruned) return [];
    const names = this.#names(node);
    if (this.#ignore === null) return names;
    return names.filter((name) => this.lstat(childOf(path, name)) !== null);
  }

  hostPath(path: string): string {
    return this.#node(path)?.socket === true ? '/dev/null' : `${this.root}/${path}`;
  }

  linkGroup(path: string): string | undefined {
    return this.#node(path)?.group;
  }

  hiddenBy(path: string): string | null {
    const rule = this.#ignore?.explain(path) ?? null;
    const node = this.#node(path);
    if (rule === null || node === null || this.#isVisible(node)) return null;
    return `${this.#ignoreName} line ${rule.line} (${rule.text.trim()})`;
  }

  stamp(path: string): FileStamp | null {
    return this.#node(path)?.stamp ?? null;
  }

  refresh(path: string): FileStamp | null {
    this.#nodes.delete(path);
    return this.stamp(path);
  }

  setSha256(path: string, sha256: string): void {
    const node = this.#node(path);
    if (node !== null) node.entry = { ...node.entry, sha256 };
  }

  #node(path: string): Node | null {
    const known = this.#nodes.get(path);
    if (known !== undefined) return known;
    const parent = this.#node(parentOf(path));
    const node = parent?.entry.type === 'dir' ? this.#load(path, parent) : null;
    this.#nodes.set(path, node);
    return node;
  }

  #load(path: string, parent: Node): Node | null {
    // A NUL can come from a Dockerfile; no file has one.
    if (path.includes('\0')) return null;
    const host = `${this.root}/${path}`;
    const stats = attempt(path, () => lstatSync(fsPath(host), LSTAT));
    if (stats === undefined) return null;
    const node = toNode(path, stats, host);
    const ignore = this.#ignore;
    if (ignore === null) return node;
    if (parent.pruned) {
      node.excluded = true;
      node.pruned = true;
      return node;
    }
    const isDir = node.entry.type === 'dir';
    if (isDir) node.matched = new Uint8Array(ignore.rules.length);
    node.excluded = ignore.excludes(ignore.decide(path, parent.matched, node.matched));
    node.pruned = node.excluded && !(isDir && ignore.mayReincludeBelow(path));
    return node;
  }

  #isVisible(node: Node): boolean {
    node.visible ??=
      !node.excluded || (!node.pruned && this.#names(node).some((name) => this.lstat(childOf(node.entry.path, name)) !== null));
    return node.visible;
  }

  /** All names on disk, sorted by bytes. */
  #names(node: Node): readonly string[] {
    node.names ??= attempt(node.entry.path, () => readNames(`${this.root}/${node.entry.path}`)) ?? [];
    return node.names;
  }
}

function readNames(host: string): string[] {
  const path = fsPath(host);
  let names = readdirSync(path);
  // The decoder's replacement character hides bytes that are not UTF-8: read those again as bytes.
  if (names.some((name) => name.includes('\ufffd'))) names = readdirSync(path, { encoding: 'buffer' }).map((name) => pathFromBytes(name));
  return names.some((name) => /[\ud800-\uffff]/.test(name)) ? names.sort(comparePaths) : names.sort();
}

/** Runs one file system call; what vanished meanwhile is undefined, what may not be read is an error that names it. */
function attempt<T>(path: string, call: () => T): T | undefined {
  try {
    return call();
  } catch (error) {
    const errno = errnoOf(error);
    if (errno === undefined) throw error;
    if (errno === 'ENOENT' || errno === 'ENOTDIR' || errno === 'ENAMETOOLONG' || errno === 'ELOOP') return undefined;
    throw new TsbuildError({
      code: 'context/unreadable',
      message: `cannot read ${JSON.stringify(path || '.')} in the build context (${errno})`,
      hint: 'Make it readable, or leave it out with a line in .dockerignore.',
      cause: error,
      data: { path, errno },
    });
  }
}

const NANOSECONDS = 1_000_000_000n;
/** Rounded down, also before 1970. */
const wholeSeconds = (time: bigint): number => Number((time - (((time % NANOSECONDS) + NANOSECONDS) % NANOSECONDS)) / NANOSECONDS);

function typeOf(stats: BigIntStats): FileType {
  if (stats.isDirectory()) return 'dir';
  if (stats.isSymbolicLink()) return 'symlink';
  if (stats.isFIFO()) return 'fifo';
  if (stats.isCharacterDevice()) return 'char';
  // A socket arrives as an empty regular file with the socket's mode (C-09).
  return stats.isBlockDevice() ? 'block' : 'file';
}

function toNode(path: string, stats: BigIntStats, host: string): Node {
  const type = typeOf(stats);
  const socket = type === 'file' && !stats.isFile();
  const regular = type === 'file' && !socket;
  const size = regular ? Number(stats.size) : 0;
  const device = type === 'char' || type === 'block' ? deviceNumbers(stats.rdev) : {};
  const link =
    type === 'symlink' ? { link: attempt(path, () => pathFromBytes(readlinkSync(fsPath(host), { encoding: 'buffer' }))) ?? '' } : {};
  const empty = socket ? { sha256: EMPTY_SHA256 } : {};
  const mtime = wholeSeconds(stats.mtimeNs);
  return {
    entry: { path, type, mode: Number(stats.mode & 0o7777n), uid: 0, gid: 0, size, mtime, ...device, ...link, ...empty },
    stamp: regular ? { size, mtime: stats.mtimeNs, ctime: stats.ctimeNs, inode: stats.ino } : null,
    group: stats.nlink > 1n && type !== 'dir' ? `${stats.dev}:${stats.ino}` : undefined,
    excluded: false,
    pruned: false,
    matched: null,
    names: null,
    visible: null,
    socket,
  };
}

/** Linux's 64-bit dev_t. */
function deviceNumbers(rdev: bigint): { devMajor: number; devMinor: number } {
  return {
    devMajor: Number(((rdev >> 8n) & 0xfffn) | ((rdev >> 32n) & 0xfffff000n)),
    devMinor: Number((rdev & 0xffn) | ((rdev >> 12n) & 0xffffff00n)),
  };
}
