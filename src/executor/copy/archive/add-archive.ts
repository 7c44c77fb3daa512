// ADD of a local archive (D-01…D-03): its entries go into the destination tree one by one. The
// destination is a root of its own: no name, link or hard link leads out of it, `..` stops at it.
import { createHash } from 'node:crypto';
import type { FileEntry } from '../../../core/file-entry.ts';
import type { TarEntry } from '../../layer/tar/tar-read.ts';
import { badEntry } from '../copy-errors.ts';
import type { CopyRules } from '../copy-source.ts';
import { baseName, type DestTree, inodeType, joinPath, parentPath } from '../dest-tree.ts';
import { type ArchiveFile, childrenOf, type Inode, metadataOf, newDirectory, type Owner } from '../inode.ts';
import { isBadArchive, openArchive, sniffArchive } from './open-archive.ts';

const ROOT: Owner = { uid: 0, gid: 0 };
const DIRECTORY_MODE = 0o755;
/** Linux would refuse longer ones; also bounds the depth of the tree. */
const MAX_PATH = 4096;
/** Seconds: the last second whose nanoseconds fit 63 bits. Docker turns later times, and those before the epoch, into the epoch. */
const LAST_TIME = 9_223_372_036;
/** chown(2) reads this as "leave it". */
const NO_ID = 0xffff_ffff;

/** False when the file is no archive with at least one readable entry: it is then copied as it is. */
export async function addArchive(tree: DestTree, rules: CopyRules, dest: string, hostPath: string, name: string): Promise<boolean> {
  const codec = sniffArchive(hostPath);
  if (codec === null) return false;
  const entries = openArchive(hostPath, codec, name);
  try {
    const first = await firstEntry(entries);
    if (first === null) return false;
    const root = tree.resolve(dest).path;
    tree.makeDirectories(root, DIRECTORY_MODE, rules.owner);
    const unpacker = new Unpacker(tree, rules.owner, root, { path: hostPath, name, codec });
    await unpacker.add(first);
    for await (const entry of entries) await unpacker.add(entry);
    unpacker.finish();
    return true;
  } finally {
    await entries.return(undefined);
  }
}

async function firstEntry(entries: AsyncGenerator<TarEntry>): Promise<TarEntry | null> {
  try {
    const next = await entries.next();
    return next.done === true ? null : next.value;
  } catch (error) {
    if (isBadArchive(error)) return null;
    throw error;
  }
}

class Unpacker {
  readonly #tree: DestTree;
  readonly #owner: Owner | null;
  readonly #root: string;
  readonly #archive: ArchiveFile;
  readonly #times: { readonly inode: Inode; readonly mtime: number }[] = [];
  #member = -1;

  constructor(tree: DestTree, owner: Owner | null, root: string, archive: ArchiveFile) {
    this.#tree = tree;
    this.#owner = owner;
    this.#root = root;
    this.#archive = archive;
  }

  async add({ entry, content }: TarEntry): Promise<void> {
    this.#member += 1;
    // The root of the archive: the destination keeps its own metadata.
    if (entry.path === '') return;
    if (entry.path.length > MAX_PATH || entry.path.includes('\0')) throw this.#refuse(entry, 'its name is too long or has a NUL byte');
    if ((entry.link?.length ?? 0) > MAX_PATH) throw this.#refuse(entry, 'its link is too long');
    const above = this.#tree.resolve(parentPath(entry.path), this.#root);
    const parent = above.inode?.type === 'dir' ? above.inode : this.#tree.makeDirectories(above.path, DIRECTORY_MODE, null, true);
    const name = baseName(entry.path);
    const path = joinPath(above.path, name);
    const there = this.#tree.child(parent, path, name);
    if (entry.type === 'dir') return this.#addDirectory(entry, parent, name, there);
    if (entry.type === 'hardlink') return this.#addHardLink(entry, parent, path, name);
    const sha256 = entry.type === 'file' && mayBeUnchanged(entry, this.#owner, there) ? await hashOf(content) : undefined;
    const type = inodeType(entry);
    const inode: Inode = {
      ...metadataOf(entry),
      type,
      mtime: boundedTime(entry.mtime),
      size: entry.size,
      content: type === 'file' ? { type: 'member', archive: this.#archive, member: this.#member } : null,
      sha256,
      children: null,
      overBase: false,
      linked: false,
      unread: null,
    };
    this.#takeOwner(inode, entry);
    this.#tree.put(parent, name, inode);
  }

  /** Directory times are set at the end, because everything that is added below changes them. */
  finish(): void {
    for (const { inode, mtime } of this.#times) inode.mtime = mtime;
  }

  #addDirectory(entry: FileEntry, parent: Inode, name: string, there: Inode | null): void {
    const directory = there?.type === 'dir' ? there : newDirectory(entry.mode, ROOT, this.#tree.time);
    if (directory !== there) this.#tree.put(parent, name, directory);
    directory.mode = entry.mode;
    directory.xattrs = entry.xattrs;
    this.#takeOwner(directory, entry);
    this.#times.push({ inode: directory, mtime: boundedTime(entry.mtime) });
  }

  #addHardLink(entry: FileEntry, parent: Inode, path: string, name: string): void {
    const link = entry.link ?? '';
    const above = this.#tree.resolve(parentPath(link), this.#root);
    const target = joinPath(above.path, baseName(link));
    const inode = above.inode?.type === 'dir' ? this.#tree.child(above.inode, target, baseName(link)) : null;
    if (inode === null || target === path) throw this.#refuse(entry, `it is a hard link to ${JSON.stringify(link)}, which does not exist`);
    if (inode.type === 'dir') throw this.#refuse(entry, `it is a hard link to ${JSON.stringify(link)}, which is a directory`);
    inode.linked = true;
    const names = above.inode === null ? null : childrenOf(above.inode);
    if (names?.get(baseName(link)) === undefined) names?.set(baseName(link), inode);
    this.#tree.put(parent, name, inode);
    this.#takeOwner(inode, entry);
    if (inode.type === 'symlink') return;
    inode.mode = entry.mode;
    inode.mtime = boundedTime(entry.mtime);
  }

  #takeOwner(inode: Inode, entry: FileEntry): void {
    const { uid, gid } = this.#owner ?? entry;
    inode.uid = uid === NO_ID ? 0 : uid;
    inode.gid = gid === NO_ID ? 0 : gid;
  }

  #refuse(entry: FileEntry, why: string): Error {
    return badEntry(this.#archive.name, `entry ${JSON.stringify(entry.path)} cannot be created: ${why}`);
  }
}

const boundedTime = (mtime: number): number => (mtime < 0 || mtime > LAST_TIME ? 0 : mtime);

/** Content is hashed while planning only if the same file seems to be there already. */
function mayBeUnchanged(entry: FileEntry, owner: Owner | null, there: Inode | null): boolean {
  const { uid, gid } = owner ?? entry;
  return (
    there !== null &&
    there.type === 'file' &&
    there.size === entry.size &&
    there.mtime === entry.mtime &&
    there.mode === entry.mode &&
    there.uid === uid &&
    there.gid === gid
  );
}

async function hashOf(content: AsyncIterable<Uint8Array>): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of content) hash.update(chunk);
  return hash.digest('hex');
}
