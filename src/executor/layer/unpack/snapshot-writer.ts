// Makes the entries of one layer in a snapshot directory, in overlay form. It keeps a model of every
// name it made, so no path of a hostile layer is ever looked up through something the layer planted:
// parents are directories of the model, everything else is refused or replaced.
import { constants, copyFileSync, linkSync, mkdirSync, readlinkSync, rmSync, symlinkSync, unlinkSync } from 'node:fs';
import { errnoOf } from '../../../core/errors.ts';
import type { FileEntry } from '../../../core/file-entry.ts';
import { fsPath } from '../../../core/path-bytes.ts';
import { type FileCalls, S_IFBLK, S_IFCHR, S_IFIFO } from '../../syscalls.ts';
import { type LowerStack, listNames } from '../lower-stack.ts';
import { makeWhiteout, type OverlayXattrs, opaqueXattr } from '../overlay-form.ts';
import { parentOf } from '../toc-index.ts';
import { FileSink } from './file-sink.ts';
import { refused, unpackError } from './unpack-error.ts';
import { type Metadata, MetadataWriter } from './write-metadata.ts';

export interface SnapshotWriterOptions {
  /** Exists and is empty. */
  readonly directory: string;
  /** The layers below; may still be in the making while `needsLower` says no. */
  readonly lower: Pick<LowerStack, 'lookup'>;
  readonly calls: FileCalls;
  readonly xattrs: OverlayXattrs;
  /** 'record' keeps owners that cannot be set in an attribute (only one uid is mapped). */
  readonly owners: 'set' | 'record';
}

const DISK_BLOCK = 4096;
/** A directory that no layer describes, as containerd makes them. */
const DEFAULT_DIRECTORY: Metadata = { mode: 0o755, uid: 0, gid: 0, mtime: 0 };
export class SnapshotWriter {
  readonly #options: SnapshotWriterOptions;
  readonly #metadata: MetadataWriter;
  /** Every name made: a directory with its final metadata (null while only implied), or something else. */
  readonly #made = new Map<string, Metadata | 'implied' | 'other' | 'whiteout'>();
  readonly #opaque = new Set<string>();
  readonly #skipped: string[] = [];
  #size = 0;

  constructor(options: SnapshotWriterOptions) {
    this.#options = options;
    this.#metadata = new MetadataWriter(options.calls, options.owners);
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

  /** Whether `add` of this entry looks at the layers below; `finish` always does. */
  needsLower(entry: FileEntry): boolean {
    return entry.type === 'whiteout' || (entry.type === 'hardlink' && !this.#made.has(entry.link ?? ''));
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
    if (entry.type === 'whiteout') {
      this.#whiteout(path);
      return undefined;
    }
    this.#ensureDirectory(parentOf(path));
    if (entry.type === 'dir') this.#directory(path, entry);
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
        return new FileSink(host, entry, (fd) => this.#metadata.write(host, 'file', entry, fd));
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
    this.#metadata.write(host, entry.type === 'symlink' ? 'symlink' : 'special', entry);
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
    this.#metadata.write(host, stats.isFile() ? 'file' : 'symlink', this.#metadata.read(lower.hostPath, stats));
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
    this.#ensureDirectory(parentOf(path));
    makeWhiteout(this.#options.calls, this.#host(path));
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
      this.#forgetBelow(path);
      rmSync(host, { recursive: true, force: true });
      this.#opaque.delete(path);
    }
    this.#made.delete(path);
  }

  /** By what is on disk, not by all names: a layer may replace its directories as often as it likes. */
  #forgetBelow(path: string): void {
    const below = `${path}/`;
    for (const name of listNames(this.#host(path))) {
      const made = this.#made.get(below + name);
      if (made !== undefined && made !== 'other' && made !== 'whiteout') this.#forgetBelow(below + name);
      this.#made.delete(below + name);
      this.#opaque.delete(below + name);
    }
    // They are not on disk.
    for (const device of this.#skipped) if (device.startsWith(below)) this.#made.delete(device);
  }

  #finishDirectory(path: string, made: Metadata | 'implied'): void {
    if (made !== 'implied') {
      this.#metadata.write(this.#host(path), 'dir', made);
      return;
    }
    const lower = this.#options.lower.lookup(path);
    const like = lower?.stats.isDirectory() === true ? lower : null;
    const metadata = like === null ? DEFAULT_DIRECTORY : this.#metadata.read(like.hostPath, like.stats);
    this.#metadata.write(this.#host(path), 'dir', metadata);
  }

  #host(path: string): string {
    return path === '' ? this.#options.directory : `${this.#options.directory}/${path}`;
  }
}
