// From the destination tree to the list of layer entries (G-05…G-07): changed names in walk order, each
// with its parents before it; directories whose metadata and files whose metadata and content equal the
// base are left out.
import type { FileEntry, FileType } from '../../core/file-entry.ts';
import { comparePaths } from '../../core/path-bytes.ts';
import { whiteoutOf } from '../layer/whiteout.ts';
import { type DestTree, joinPath } from './dest-tree.ts';
import { type ContentSource, childrenOf, type Inode } from './inode.ts';

/** The only extended attribute that reaches a layer (G-05). */
const CAPABILITY = 'security.capability';

export interface PlannedEntry {
  readonly entry: FileEntry;
  /** Only for files that are not empty. */
  readonly content: ContentSource | null;
}

/** SHA-256 of the content, 64 hex digits, or null when it is not at hand; asked only for files that may be unchanged. */
export type ContentHash = (inode: Inode) => string | null;

interface Frame {
  readonly path: string;
  readonly inode: Inode;
  readonly children: ReadonlyMap<string, Inode> | null;
  readonly names: readonly string[];
  next: number;
  /** Lists the directory again: it was not looked into before, and is forgotten afterwards. */
  readonly unread: Inode['unread'];
  /** Its entry has been yielded. */
  listed: boolean;
}

/** Lazily, one entry at a time; the tree must not change meanwhile. */
export function* planLayer(tree: DestTree, contentHash: ContentHash): Generator<PlannedEntry> {
  const firstNames = new Map<Inode, string>();
  const stack: Frame[] = [{ ...frameOf('', tree.root), listed: true }];
  for (let frame = stack.at(-1); frame !== undefined; frame = stack.at(-1)) {
    const name = frame.names[frame.next];
    if (name === undefined) {
      stack.pop();
      forget(frame);
      continue;
    }
    frame.next += 1;
    const path = joinPath(frame.path, name);
    const inode = frame.children?.get(name);
    const base = frame.inode.overBase ? tree.baseEntry(path) : null;
    if (inode !== undefined && inode.type === 'dir') {
      const next = frameOf(path, inode);
      stack.push(next);
      if (base !== null && base.type === 'dir' && sameMetadata(inode, base) && inode.overBase) continue;
      yield* listParents(stack);
      if (base?.type === 'dir' && !inode.overBase) yield* hideChildren(tree, path, inode);
    } else if (inode !== undefined && !(base !== null && isUnchanged(inode, base, contentHash))) {
      yield* listParents(stack);
      yield entryOf(path, inode, firstNames);
    }
  }
}

function frameOf(path: string, inode: Inode): Frame {
  const { unread } = inode;
  const children = childrenOf(inode);
  const names = [...(children?.keys() ?? [])];
  // Sources come in order already; only merged ones need the sort.
  for (let at = 1; at < names.length; at++) {
    if (comparePaths(names[at - 1] ?? '', names[at] ?? '') > 0) {
      names.sort(comparePaths);
      break;
    }
  }
  return { path, inode, children, names, next: 0, unread, listed: false };
}

/** Memory holds the directories on the way only, however large the tree is. */
function forget({ inode, unread }: Frame): void {
  if (unread === null) return;
  inode.children?.clear();
  inode.unread = unread;
}

function* listParents(stack: readonly Frame[]): Generator<PlannedEntry> {
  for (const frame of stack) {
    if (frame.listed) continue;
    frame.listed = true;
    yield { entry: fileEntry(frame.path, frame.inode, 'dir'), content: null };
  }
}

/** A directory that took the place of one of the base shows none of its names: explicit whiteouts (G-06). */
function* hideChildren(tree: DestTree, path: string, inode: Inode): Generator<PlannedEntry> {
  for (const name of tree.base?.readdir(path) ?? []) {
    if (childrenOf(inode)?.has(name) === true) continue;
    yield { entry: whiteoutOf(joinPath(path, name)), content: null };
  }
}

function entryOf(path: string, inode: Inode, firstNames: Map<Inode, string>): PlannedEntry {
  if (inode.linked) {
    const first = firstNames.get(inode);
    if (first !== undefined) return { entry: { ...fileEntry(path, inode, 'hardlink'), link: first }, content: null };
    firstNames.set(inode, path);
  }
  return { entry: fileEntry(path, inode, inode.type), content: inode.type === 'file' && inode.size > 0 ? inode.content : null };
}

function fileEntry(path: string, inode: Inode, type: FileType): FileEntry {
  const { mode, uid, gid, mtime, size, sha256 } = inode;
  // The usual file without spreading: there are many.
  if (type === 'file' && inode.xattrs === undefined && sha256 !== undefined) return { path, type, mode, uid, gid, size, mtime, sha256 };
  const capability = inode.xattrs?.[CAPABILITY];
  return {
    path,
    type,
    mode: inode.type === 'symlink' ? 0o777 : mode,
    uid,
    gid,
    size: type === 'file' ? size : 0,
    mtime,
    ...(type === 'symlink' && inode.link !== undefined ? { link: inode.link } : {}),
    ...(type === 'char' || type === 'block' ? { devMajor: inode.devMajor ?? 0, devMinor: inode.devMinor ?? 0 } : {}),
    ...(capability === undefined || type === 'hardlink' ? {} : { xattrs: { [CAPABILITY]: capability } }),
    ...(type === 'file' && sha256 !== undefined ? { sha256 } : {}),
  };
}

const sameMetadata = (inode: Inode, base: FileEntry): boolean =>
  (inode.type === 'symlink' || inode.mode === base.mode) &&
  inode.uid === base.uid &&
  inode.gid === base.gid &&
  inode.xattrs?.[CAPABILITY] === base.xattrs?.[CAPABILITY];

/** Directory times do not count as a change, file times do; equal times still need equal content. */
function isUnchanged(inode: Inode, base: FileEntry, contentHash: ContentHash): boolean {
  if (inode.type !== base.type || !sameMetadata(inode, base) || inode.mtime !== base.mtime) return false;
  if (inode.type === 'symlink') return inode.link === base.link;
  if (inode.type !== 'file') return (inode.devMajor ?? 0) === (base.devMajor ?? 0) && (inode.devMinor ?? 0) === (base.devMinor ?? 0);
  if (inode.size !== base.size) return false;
  if (inode.size === 0) return true;
  return base.sha256 !== undefined && (inode.sha256 ?? contentHash(inode)) === base.sha256;
}
