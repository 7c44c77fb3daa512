// Owner, mode, attributes and times of what unpacking makes, set in the order in which they do not undo
// each other: chown clears setuid bits and capabilities, everything changes times.
import { chmodSync, fchmodSync, futimesSync, lchownSync, lutimesSync, type Stats } from 'node:fs';
import { errnoOf } from '../../../core/errors.ts';
import { fsPath } from '../../../core/path-bytes.ts';
import type { FileCalls } from '../../syscalls.ts';
import { isPrivateXattr, OWNER_XATTR } from '../overlay-form.ts';

/** As entries of an archive carry it, or as read from a lower file. */
export interface Metadata {
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  /** Seconds. */
  readonly mtime: number;
  readonly xattrs?: Readonly<Record<string, string>>;
  /** Value of the attribute that stands in for the owner of a lower file; never taken from an archive. */
  readonly recordedOwner?: string;
}

/** Of several kinds of entries only symlinks differ: they have no mode and take no attributes. */
export type NodeKind = 'file' | 'dir' | 'symlink' | 'special';

/** What of an archive's attributes reaches the disk. */
const isKeptXattr = (name: string): boolean => (name === 'security.capability' || name.startsWith('user.')) && !isPrivateXattr(name);

export class MetadataWriter {
  readonly #calls: FileCalls;
  readonly #owners: 'set' | 'record';

  /** 'record' keeps owners that cannot be set in an attribute (where only one uid is mapped). */
  constructor(calls: FileCalls, owners: 'set' | 'record') {
    this.#calls = calls;
    this.#owners = owners;
  }

  /** Describes the file at `host`, through `fd` when it is open. */
  write(host: string, kind: NodeKind, metadata: Metadata, fd?: number): void {
    const owner = this.#own(host, metadata) ? `${metadata.uid}:${metadata.gid}` : metadata.recordedOwner;
    if (fd !== undefined) fchmodSync(fd, metadata.mode);
    else if (kind !== 'symlink') chmodSync(fsPath(host), metadata.mode);
    if (metadata.xattrs !== undefined) {
      for (const [name, value] of Object.entries(metadata.xattrs)) if (isKeptXattr(name)) this.#setXattr(host, name, value);
    }
    // Only files and directories can carry user attributes; other owners are kept by the table of contents.
    if (owner !== undefined && (kind === 'file' || kind === 'dir')) this.#setXattr(host, OWNER_XATTR, owner);
    if (fd === undefined) lutimesSync(fsPath(host), metadata.mtime, metadata.mtime);
    else futimesSync(fd, metadata.mtime, metadata.mtime);
  }

  /** Metadata of a file on disk, to give it to a copy. */
  read(hostPath: string, stats: Stats): Metadata {
    const xattrs: Record<string, string> = {};
    let recordedOwner: string | null = null;
    for (const name of this.#calls.listXattrs(hostPath)) {
      if (name === OWNER_XATTR) recordedOwner = this.#calls.getXattr(hostPath, name);
      else if (isKeptXattr(name)) xattrs[name] = this.#calls.getXattr(hostPath, name) ?? '';
    }
    const { uid, gid } = stats;
    const mtime = Math.floor(stats.mtimeMs / 1000);
    return { mode: stats.mode & 0o7777, uid, gid, mtime, xattrs, ...(recordedOwner === null ? {} : { recordedOwner }) };
  }

  /** True when the owner could not be set and has to be recorded instead. */
  #own(host: string, { uid, gid }: Metadata): boolean {
    try {
      lchownSync(fsPath(host), uid, gid);
      return false;
    } catch (error) {
      const errno = errnoOf(error);
      if (this.#owners !== 'record' || (errno !== 'EINVAL' && errno !== 'EPERM')) throw error;
      return true;
    }
  }

  #setXattr(host: string, name: string, value: string): void {
    try {
      this.#calls.setXattr(host, name, value);
    } catch (error) {
      const errno = errnoOf(error);
      // Not every file system and file type takes every attribute; Docker goes on without them, too.
      if (errno !== 'EOPNOTSUPP' && errno !== 'EPERM' && errno !== 'EINVAL') throw error;
    }
  }
}
