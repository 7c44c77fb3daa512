// The tree below a snapshot, looked up in the snapshot directories themselves, without a mount:
// whiteouts, opaque directories and type changes are applied as overlayfs does. Directories are
// remembered, so looking up many names of one directory costs one lstat for each layer that has it.
import { lstatSync, readdirSync, type Stats } from 'node:fs';
import { errnoOf } from '../../core/errors.ts';
import { fsPath, pathFromBytes } from '../../core/path-bytes.ts';
import type { FileCalls } from '../syscalls.ts';
import { isOpaque, isWhiteout, type OverlayXattrs } from './overlay-form.ts';
import { byteOrder, parentOf } from './toc-index.ts';

export interface LowerEntry {
  readonly stats: Stats;
  /** Where the entry is on disk. */
  readonly hostPath: string;
}

export class LowerStack {
  readonly #roots: readonly string[];
  readonly #calls: FileCalls;
  readonly #xattrs: OverlayXattrs;
  /** Directory → host directories that show in it, top first. */
  readonly #dirs = new Map<string, readonly string[]>();

  /** `roots`: snapshot directories, base first. They must not change while this is used. */
  constructor(roots: readonly string[], calls: FileCalls, xattrs: OverlayXattrs) {
    this.#roots = roots.toReversed();
    this.#calls = calls;
    this.#xattrs = xattrs;
  }

  /** What the tree has at `path`, links not followed, or null. */
  lookup(path: string): LowerEntry | null {
    if (path === '') {
      const root = this.#roots[0];
      return root === undefined ? null : { stats: lstatSync(root), hostPath: root };
    }
    const name = path.slice(path.lastIndexOf('/') + 1);
    for (const dir of this.#dirsOf(parentOf(path))) {
      const hostPath = `${dir}/${name}`;
      const stats = lstatOrNull(hostPath);
      if (stats !== null) return isWhiteout(stats, hostPath, this.#calls) ? null : { stats, hostPath };
    }
    return null;
  }

  /** Names in the directory at `path` in byte order; [] when it is none. */
  readdir(path: string): readonly string[] {
    const names = new Map<string, boolean>();
    for (const dir of this.#dirsOf(path)) {
      for (const name of listNames(dir)) {
        const hostPath = `${dir}/${name}`;
        if (!names.has(name)) names.set(name, !isWhiteout(lstatSync(fsPath(hostPath)), hostPath, this.#calls));
      }
    }
    return byteOrder([...names].filter(([, present]) => present).map(([name]) => name));
  }

  #dirsOf(path: string): readonly string[] {
    if (path === '') return this.#roots;
    const known = this.#dirs.get(path);
    if (known !== undefined) return known;
    const name = path.slice(path.lastIndexOf('/') + 1);
    const dirs: string[] = [];
    for (const parent of this.#dirsOf(parentOf(path))) {
      const hostPath = `${parent}/${name}`;
      const stats = lstatOrNull(hostPath);
      if (stats === null) continue;
      if (!stats.isDirectory()) break;
      dirs.push(hostPath);
      if (isOpaque(this.#calls, hostPath, this.#xattrs)) break;
    }
    this.#dirs.set(path, dirs);
    return dirs;
  }
}

/** Names in a host directory, unordered; bytes that are not UTF-8 as in path-bytes.ts. */
export function listNames(dir: string): string[] {
  const names = readdirSync(fsPath(dir));
  // Node replaces what is not UTF-8; only then is the directory read again as bytes.
  if (!names.some((name) => name.includes('\ufffd'))) return names;
  return readdirSync(fsPath(dir), { encoding: 'buffer' }).map((name) => pathFromBytes(name));
}

function lstatOrNull(hostPath: string): Stats | null {
  try {
    return lstatSync(fsPath(hostPath), { throwIfNoEntry: false }) ?? null;
  } catch (error) {
    if (errnoOf(error) === 'ENOTDIR') return null;
    throw error;
  }
}
