// What a name of the destination tree stands for while a copy is planned. Hard-linked names share one
// inode, as on disk; content is only named here and read when the layer is written.
import type { SourceTree } from '../../context/source-tree.ts';
import type { CompressionName } from '../../core/compression-magic.ts';
import type { FileEntry } from '../../core/file-entry.ts';

export type InodeType = 'file' | 'dir' | 'symlink' | 'char' | 'block' | 'fifo';

export interface ArchiveFile {
  /** On this machine. */
  readonly path: string;
  /** For messages. */
  readonly name: string;
  readonly codec: ArchiveCodec;
}

export type ArchiveCodec = 'tar' | CompressionName;

/** Where the bytes of a regular file come from. */
export type ContentSource =
  | { readonly type: 'tree'; readonly tree: SourceTree; readonly path: string }
  | { readonly type: 'host'; readonly path: string }
  | { readonly type: 'bytes'; readonly bytes: Uint8Array }
  | { readonly type: 'member'; readonly archive: ArchiveFile; readonly member: number }
  /** Lives in the base under this path. */
  | { readonly type: 'base'; readonly path: string };

export interface Inode {
  readonly type: InodeType;
  mode: number;
  uid: number;
  gid: number;
  mtime: number;
  readonly size: number;
  readonly link?: string | undefined;
  readonly devMajor?: number | undefined;
  readonly devMinor?: number | undefined;
  xattrs?: Readonly<Record<string, string>> | undefined;
  readonly sha256?: string | undefined;
  readonly content: ContentSource | null;
  /** Names that changed; only for directories. Read it with `childrenOf`. */
  readonly children: Map<string, Inode> | null;
  /** Lists what was copied here as a whole and not looked into so far. */
  unread: ((children: Map<string, Inode>) => void) | null;
  /** The directory is merged over the one of the base; otherwise nothing of the base shows through. */
  readonly overBase: boolean;
  /** Hard-linked: may appear under more than one name. */
  linked: boolean;
}

export interface Owner {
  readonly uid: number;
  readonly gid: number;
}

/** What a directory holds besides what its base has; null for anything else. */
export function childrenOf(inode: Inode): Map<string, Inode> | null {
  const { children, unread } = inode;
  if (unread === null || children === null) return children;
  inode.unread = null;
  unread(children);
  return children;
}

export function newDirectory(mode: number, owner: Owner, mtime: number): Inode {
  return {
    type: 'dir',
    mode,
    uid: owner.uid,
    gid: owner.gid,
    mtime,
    size: 0,
    content: null,
    children: new Map(),
    unread: null,
    overBase: false,
    linked: false,
  };
}

/** Inode of something that the base has at `entry.path`. */
export function inodeOfBase(entry: FileEntry, type: InodeType): Inode {
  const directory = type === 'dir';
  return {
    ...metadataOf(entry),
    type,
    size: entry.size,
    content: type === 'file' ? { type: 'base', path: entry.path } : null,
    children: directory ? new Map() : null,
    unread: null,
    overBase: directory,
    linked: false,
  };
}

export function metadataOf(
  entry: FileEntry,
): Pick<Inode, 'mode' | 'uid' | 'gid' | 'mtime' | 'link' | 'devMajor' | 'devMinor' | 'xattrs' | 'sha256'> {
  const { mode, uid, gid, mtime, link, devMajor, devMinor, xattrs, sha256 } = entry;
  return { mode, uid, gid, mtime, link, devMajor, devMinor, xattrs, sha256 };
}
