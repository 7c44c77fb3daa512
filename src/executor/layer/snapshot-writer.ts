// Makes the entries of one layer in a snapshot directory, in overlay form. It keeps a model of every
// name it made, so no path of a hostile layer is ever looked up through something the layer planted:
// parents are directories of the model, everything else is refused or replaced.
import {
  chmodSync,
  closeSync,
  constants,
  copyFileSync,
  fchmodSync,
  futimesSync,
  lchownSync,
  linkSync,
  lutimesSync,
  mkdirSync,
  openSync,
  readlinkSync,
  rmSync,
  type Stats,
  symlinkSync,
  unlinkSync,
  writeSync,
} from 'node:fs';
import { errnoOf, TsbuildError } from '../../core/errors.ts';
import type { FileEntry } from '../../core/file-entry.ts';
import { fsPath } from '../../core/path-bytes.ts';
import { type FileCalls, S_IFBLK, S_IFCHR, S_IFIFO } from '../syscalls.ts';
import type { LowerStack } from './lower-stack.ts';
import { isPrivateXattr, type OverlayXattrs, OWNER_XATTR, opaqueXattr } from './overlay-form.ts';
import { parentOf } from './toc-index.ts';

export interface SnapshotWriterOptions {
  /** Exists and is empty. */
  readonly directory: string;
  readonly lower: LowerStack;
  readonly calls: FileCalls;
  readonly xattrs: OverlayXattrs;
  /** 'record' keeps owners that cannot be set in an attribute (only one uid is mapped). */
  readonly owners: 'set' | 'record';
}

/** Metadata of an entry, in the terms of the system calls. */
interface Metadata {
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  /** Seconds. */
  readonly mtime: number;
  readonly xattrs?: Readonly<Record<string, string>>;
}

const CREATE = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW;
const DISK_BLOCK = 4096;
/** What of an archive's attributes reaches the disk. */
const isKeptXattr = (name: string): boolean => (name === 'security.capability' || name.startsWith('user.')) && !isPrivateXattr(name);

export class SnapshotWriter {
  readonly #options: SnapshotWriterOptions;
  /** Every name made: a directory with its final metadata (null while only implied), or something else. */
  readonly #made = new Map<string, Metadata | 'implied' | 'other' | 'whiteout'>();
  readonly #opaque = new Set<string>();
  readonly #skipped: string[] = [];
  #size = 0;

  constructor(options: SnapshotWriterOptions) {
    this.#options = options;
    this.#made.set('', 'implied');
  }

  /** Bytes on disk, in whole blocks. */
  get size(): number {
    return this.#size;
  }

  /** Device nodes that could not be made for lack of rights. */
  get skippedDevices(): readonly string[] {
    return this.#skipped;
  }

  /** Makes `entry`; for a regular file a sink for its content is returned, which must be closed. */
  add(entry: FileEntry): FileSink | undefined {
    try {
      return this.#add(entry);
    } catch (error) {
      throw unpackError(error, entry.path);
    }
  }

  /** Directory metadata is last: making entries changes times, and modes may close directories. */
  finish(): void {
    for (const path of this.#opaque) {
      if (this.#options.lower.lookup(path)?.stats.isDirectory() === true) {
        this.#options.calls.setXattr(this.#host(path), opaqueXattr(this.#options.xattrs), 'y');
      }
    }
    for (const [path, made] of [...this.#made].reverse()) {
      if (made === 'other' || made === 'whiteout') continue;
      try {
        this.#finishDirectory(path, made);
      } catch (error) {
        throw unpackError(error, path);
      }
    }
  }

  #add(entry: FileEntry): FileSink | undefined {
    const { path } = entry;
    if (entry.type === 'opaque') {
      this.#ensureDirectory(path);
      this.#opaque.add(path);
      return undefined;
    }
    if (path === '') return undefined;
    this.#ensureDirectory(parentOf(path));
    if (entry.type === 'whiteout') this.#whiteout(path);
    else if (entry.type === 'dir') this.#directory(path, entry);
    else {
      this.#clear(path);
      const file = this.#leaf(entry);
      this.#made.set(path, 'other');
      return file;
    }
    return undefined;
  }

  #leaf(entry: FileEntry): FileSink | undefined {
    const host = this.#host(entry.path);
    switch (entry.type) {
      case 'file':
        this.#size += Math.ceil(entry.size / DISK_BLOCK) * DISK_BLOCK;
        return new FileSink(host, entry, (fd) => this.#describe(host, entry, fd));
      case 'symlink':
        symlinkSync(fsPath(entry.link ?? ''), fsPath(host));
        break;
      case 'hardlink':
        this.#hardLink(entry, host);
        return undefined;
      case 'fifo':
        this.#options.calls.makeNode(host, S_IFIFO | 0o600, 0, 0);
        break;
      case 'char':
      case 'block':
        if (!this.#device(entry, host)) return undefined;
        break;
    }
    this.#size += DISK_BLOCK;
    this.#describe(host, entry);
    return undefined;
  }

  #device(entry: FileEntry, host: string): boolean {
    const type = entry.type === 'char' ? S_IFCHR : S_IFBLK;
    try {
      this.#options.calls.makeNode(host, type | 0o600, entry.devMajor ?? 0, entry.devMinor ?? 0);
      return true;
    } catch (error) {
      // A user namespace may not make devices; a build does not need them, its layers keep them.
      if (errnoOf(error) !== 'EPERM') throw error;
      this.#skipped.push(entry.path);
      return false;
    }
  }

  #hardLink(entry: FileEntry, host: string): void {
    const target = entry.link ?? '';
    const made = this.#made.get(target);
    if (target === entry.path || (made !== undefined && made !== 'other')) {
      throw refused(entry.path, `it is a hard link to ${JSON.stringify(target)}, which is no file`);
    }
    if (made === undefined) this.#copyUp(entry.path, target);
    linkSync(fsPath(this.#host(target)), fsPath(host));
  }

  /** A hard link into a lower layer: the file must be in this one, as overlayfs does when it links. */
  #copyUp(path: string, target: string): void {
    const lower = this.#isHidden(target) ? null : this.#options.lower.lookup(target);
    if (lower === null || lower.stats.isDirectory()) {
      throw refused(path, `it is a hard link to ${JSON.stringify(target)}, which does not exist`);
    }
    this.#ensureDirectory(parentOf(target));
    const host = this.#host(target);
    const { stats } = lower;
    if (stats.isFile()) copyFileSync(fsPath(lower.hostPath), fsPath(host), constants.COPYFILE_EXCL | constants.COPYFILE_FICLONE);
    else if (stats.isSymbolicLink()) symlinkSync(readlinkSync(fsPath(lower.hostPath), { encoding: 'buffer' }), fsPath(host));
    else throw refused(path, `it is a hard link to the special file ${JSON.stringify(target)} of a lower layer`);
    this.#size += Math.ceil(stats.size / DISK_BLOCK) * DISK_BLOCK;
    this.#describe(host, { ...metadataOf(stats), xattrs: this.#xattrsOf(lower.hostPath), type: stats.isFile() ? 'file' : 'symlink' });
    this.#made.set(target, 'other');
  }

  #isHidden(path: string): boolean {
    for (let dir = parentOf(path); ; dir = parentOf(dir)) {
      if (this.#opaque.has(dir)) return true;
      const made = this.#made.get(dir);
      if (made === 'other' || made === 'whiteout') return true;
      if (dir === '') return this.#made.get(path) === 'whiteout';
    }
  }

  #whiteout(path: string): void {
    const made = this.#made.get(path);
    // Whiteouts hide lower layers only; what this layer itself has at the name stays.
    if (made === 'other' || made === 'whiteout') return;
    if (made !== undefined) {
      this.#opaque.add(path);
      return;
    }
    if (this.#isHidden(path) || this.#options.lower.lookup(path) === null) return;
    this.#options.calls.makeNode(this.#host(path), S_IFCHR, 0, 0);
    this.#made.set(path, 'whiteout');
  }

  #directory(path: string, metadata: Metadata): void {
    const made = this.#made.get(path);
    if (made === undefined || made === 'other' || made === 'whiteout') this.#makeDirectory(path, made);
    this.#made.set(path, metadata);
  }

  #ensureDirectory(path: string): void {
    const made = this.#made.get(path);
    if (made === 'other') throw refused(path, 'entries lie below it, but it is no directory');
    if (made !== undefined && made !== 'whiteout') return;
    this.#ensureDirectory(parentOf(path));
    this.#makeDirectory(path, made);
    this.#made.set(path, 'implied');
  }

  #makeDirectory(path: string, before: 'other' | 'whiteout' | undefined | Metadata | 'implied'): void {
    const host = this.#host(path);
    if (before !== undefined) {
      unlinkSync(fsPath(host));
      // What the whiteout hid must stay hidden below the new directory.
      if (before === 'whiteout') this.#opaque.add(path);
    }
    mkdirSync(fsPath(host), 0o700);
    this.#size += DISK_BLOCK;
  }

  /** Removes what this layer made at `path` earlier: the last entry of a name wins. */
  #clear(path: string): void {
    const made = this.#made.get(path);
    if (made === undefined) return;
    const host = fsPath(this.#host(path));
    if (made === 'other' || made === 'whiteout') {
      // A skipped device left nothing.
      rmSync(host, { force: true });
    } else {
      rmSync(host, { recursive: true, force: true });
      const below = `${path}/`;
      for (const name of this.#made.keys()) if (name.startsWith(below)) this.#made.delete(name);
      for (const name of this.#opaque) if (name === path || name.startsWith(below)) this.#opaque.delete(name);
    }
    this.#made.delete(path);
  }

  #finishDirectory(path: string, made: Metadata | 'implied'): void {
    if (made !== 'implied') {
      this.#describe(this.#host(path), { ...made, type: 'dir' });
      return;
    }
    const lower = this.#options.lower.lookup(path);
    const like = lower?.stats.isDirectory() === true ? lower : null;
    const metadata = like === null ? { mode: 0o755, uid: 0, gid: 0, mtime: 0 } : metadataOf(like.stats);
    this.#describe(this.#host(path), { ...metadata, type: 'dir', xattrs: like === null ? {} : this.#xattrsOf(like.hostPath) });
  }

  #xattrsOf(hostPath: string): Record<string, string> {
    const { calls } = this.#options;
    const kept: Record<string, string> = {};
    for (const name of calls.listXattrs(hostPath)) {
      const value = isKeptXattr(name) || name === OWNER_XATTR ? calls.getXattr(hostPath, name) : null;
      if (value !== null) kept[name] = value;
    }
    return kept;
  }

  /** Owner, mode, attributes, times, in the order in which they do not undo each other. */
  #describe(host: string, metadata: Metadata & { readonly type: FileEntry['type'] }, fd?: number): void {
    const recorded = this.#own(host, metadata);
    if (metadata.type !== 'symlink') {
      if (fd === undefined) chmodSync(fsPath(host), metadata.mode);
      else fchmodSync(fd, metadata.mode);
    }
    for (const [name, value] of Object.entries(metadata.xattrs ?? {})) {
      if (isKeptXattr(name) || name === OWNER_XATTR) this.#setXattr(host, name, value);
    }
    if (recorded) this.#setXattr(host, OWNER_XATTR, `${metadata.uid}:${metadata.gid}`);
    if (fd === undefined) lutimesSync(fsPath(host), metadata.mtime, metadata.mtime);
    else futimesSync(fd, metadata.mtime, metadata.mtime);
  }

  /** True when the owner has to be recorded in an attribute instead. */
  #own(host: string, { uid, gid, type }: Metadata & { readonly type: FileEntry['type'] }): boolean {
    try {
      lchownSync(fsPath(host), uid, gid);
      return false;
    } catch (error) {
      const errno = errnoOf(error);
      if (this.#options.owners !== 'record' || (errno !== 'EINVAL' && errno !== 'EPERM')) throw error;
      // Only files and directories can carry user attributes; other owners are kept by the layer's TOC.
      return type === 'file' || type === 'dir';
    }
  }

  #setXattr(host: string, name: string, value: string): void {
    try {
      this.#options.calls.setXattr(host, name, value);
    } catch (error) {
      const errno = errnoOf(error);
      // Not every file system and file type takes every attribute; Docker goes on without them, too.
      if (errno !== 'EOPNOTSUPP' && errno !== 'EPERM' && errno !== 'EINVAL') throw error;
    }
  }

  #host(path: string): string {
    return path === '' ? this.#options.directory : `${this.#options.directory}/${path}`;
  }
}

/** Content of one regular file on its way to disk. */
export class FileSink {
  readonly #fd: number;
  readonly #path: string;
  readonly #describe: (fd: number) => void;

  constructor(host: string, entry: FileEntry, describe: (fd: number) => void) {
    this.#fd = openSync(fsPath(host), CREATE, 0o600);
    this.#path = entry.path;
    this.#describe = describe;
  }

  write(chunk: Uint8Array): void {
    try {
      for (let at = 0; at < chunk.length; ) at += writeSync(this.#fd, chunk, at);
    } catch (error) {
      throw unpackError(error, this.#path);
    }
  }

  /** Sets metadata and closes; `complete` false only closes. */
  close(complete: boolean): void {
    try {
      if (complete) this.#describe(this.#fd);
    } catch (error) {
      throw unpackError(error, this.#path);
    } finally {
      closeSync(this.#fd);
    }
  }
}

const metadataOf = (stats: Stats): Metadata => ({
  mode: stats.mode & 0o7777,
  uid: stats.uid,
  gid: stats.gid,
  mtime: Math.floor(stats.mtimeMs / 1000),
});

function refused(path: string, why: string): TsbuildError {
  return new TsbuildError({
    code: 'exec/layer-unpack',
    message: `cannot unpack ${JSON.stringify(path)}: ${why}`,
    hint: 'the layer contradicts itself or the layers below it; pull or build the image again',
    data: { path },
  });
}

function unpackError(error: unknown, path: string): unknown {
  const errno = errnoOf(error);
  if (error instanceof TsbuildError || errno === undefined) return error;
  const hint =
    errno === 'ENOSPC' || errno === 'EDQUOT'
      ? 'free some space, for example with `tsbuild prune`'
      : errno === 'EINVAL' || errno === 'EPERM'
        ? 'the owner may lie outside the mapped ids: give the user a larger range in /etc/subuid and /etc/subgid'
        : 'check the rights and the state of the disk that holds the store';
  return new TsbuildError({
    code: 'exec/layer-unpack',
    message: `cannot unpack ${JSON.stringify(path)}: ${errno}`,
    hint,
    cause: error,
    data: { path, errno },
  });
}
