// The destination of a copy as a file system in memory: the base tree below, what the copy changes
// above. Paths given to methods are relative to the root and hold no links unless said otherwise.
import type { SourceTree } from '../../context/source-tree.ts';
import type { FileEntry } from '../../core/file-entry.ts';
import { pathToBytes } from '../../core/path-bytes.ts';
import { nameTooLong, notADirectory, tooManyLinks } from './copy-errors.ts';
import { childrenOf, type Inode, type InodeType, inodeOfBase, newDirectory, type Owner } from './inode.ts';

/** As many links as Docker follows in one path. */
const MAX_LINKS = 255;
const SET_GROUP_ID = 0o2000;
/** Bytes; NAME_MAX of Linux. */
const MAX_NAME = 255;

/** `inode` is null when nothing is there. */
export interface Located {
  readonly path: string;
  readonly inode: Inode | null;
}

export const joinPath = (directory: string, name: string): string => (directory === '' ? name : `${directory}/${name}`);
export const baseName = (path: string): string => path.slice(path.lastIndexOf('/') + 1);
export const parentPath = (path: string): string => path.slice(0, Math.max(0, path.lastIndexOf('/')));
export const componentsOf = (path: string): string[] => path.split('/').filter((part) => part !== '' && part !== '.');

export class DestTree {
  readonly root: Inode;
  readonly base: SourceTree | null;
  /** Seconds: the time of directories that change. */
  readonly time: number;

  /** `base` null is scratch. */
  constructor(base: SourceTree | null, time: number) {
    this.base = base;
    this.time = time;
    const root = base?.lstat('') ?? null;
    const blank: FileEntry = { path: '', type: 'dir', mode: 0o755, uid: 0, gid: 0, size: 0, mtime: time };
    this.root = base === null ? newDirectory(0o755, { uid: 0, gid: 0 }, time) : inodeOfBase(root ?? blank, 'dir');
  }

  /** What `name` in `directory` is; `path` is the full path of that name. */
  child(directory: Inode, path: string, name: string): Inode | null {
    const changed = childrenOf(directory)?.get(name);
    if (changed !== undefined) return changed;
    if (!directory.overBase) return null;
    const entry = this.baseEntry(path);
    if (entry === null) return null;
    const inode = inodeOfBase(entry, inodeType(entry));
    // A directory must keep its identity, because changes hang below it. Unchanged, it is not listed.
    if (inode.type === 'dir') childrenOf(directory)?.set(name, inode);
    return inode;
  }

  /** Entry of the base with hard links resolved to the file they name. */
  baseEntry(path: string): FileEntry | null {
    const entry = this.base?.lstat(path) ?? null;
    if (entry?.type !== 'hardlink') return entry;
    const first = this.base?.lstat(entry.link ?? '');
    return first?.type === 'file' ? { ...first, path } : { ...entry, type: 'file' };
  }

  /** Puts `inode` under a name, in place of whatever is there. Error 'exec/copy-name-too-long'. */
  put(directory: Inode, name: string, inode: Inode): void {
    // A UTF-16 unit has three bytes at most: few names need to be counted.
    if (name.length * 3 > MAX_NAME && pathToBytes(name).length > MAX_NAME) throw nameTooLong(name);
    childrenOf(directory)?.set(name, inode);
    directory.mtime = this.time;
  }

  /** Inode at `path`, links not followed. */
  locate(path: string): Inode | null {
    let inode: Inode | null = this.root;
    let at = '';
    for (const name of componentsOf(path)) {
      if (inode?.type !== 'dir') return null;
      at = joinPath(at, name);
      inode = this.child(inode, at, name);
    }
    return inode;
  }

  /** Follows links in every component of `path`, the last included, never above the root `floor`. */
  resolve(path: string, floor = ''): Located {
    const pending = componentsOf(path).reverse();
    const trail: { readonly path: string; readonly inode: Inode | null }[] = [{ path: floor, inode: this.locate(floor) }];
    let links = 0;
    for (let name = pending.pop(); name !== undefined; name = pending.pop()) {
      if (name === '..') {
        if (trail.length > 1) trail.pop();
        continue;
      }
      const here = trail.at(-1) ?? { path: floor, inode: null };
      const at = joinPath(here.path, name);
      const inode = here.inode?.type === 'dir' ? this.child(here.inode, at, name) : null;
      if (inode?.type !== 'symlink') {
        trail.push({ path: at, inode });
        continue;
      }
      links += 1;
      if (links > MAX_LINKS) throw tooManyLinks(at);
      const text = inode.link ?? '';
      if (text.startsWith('/')) trail.length = 1;
      pending.push(...componentsOf(text).reverse());
    }
    return trail.at(-1) ?? { path: floor, inode: null };
  }

  /**
   * The directory at the link-free `path`; missing ones are made. Without an owner they are root's, and as with
   * mkdir(2) get the group of a set-group-ID directory above, and its bit unless the mode is exact. Error
   * 'exec/copy-not-a-directory'.
   */
  makeDirectories(path: string, mode: number, owner: Owner | null, exactMode = false): Inode {
    let directory = this.root;
    let at = '';
    for (const name of componentsOf(path)) {
      at = joinPath(at, name);
      let next = this.child(directory, at, name);
      if (next === null) {
        const inherited = directory.mode & SET_GROUP_ID;
        next = newDirectory(exactMode ? mode : mode | inherited, owner ?? { uid: 0, gid: inherited === 0 ? 0 : directory.gid }, this.time);
        this.put(directory, name, next);
      }
      if (next.type !== 'dir') throw notADirectory(at);
      directory = next;
    }
    return directory;
  }
}

export function inodeType(entry: FileEntry): InodeType {
  switch (entry.type) {
    case 'file':
    case 'dir':
    case 'symlink':
    case 'char':
    case 'block':
    case 'fifo':
      return entry.type;
    default:
      return 'file';
  }
}
