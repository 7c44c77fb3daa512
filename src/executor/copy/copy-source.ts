// One selected source into the destination tree: where it lands (C-20…C-22), what it may replace
// (C-26, C-27), and which metadata it takes (C-24, C-25, C-30, C-33).
import { entriesOf, type SourceTree } from '../../context/source-tree.ts';
import type { FileEntry } from '../../core/file-entry.ts';
import type { CopyOp } from '../../graph/op.ts';
import { directoryOverFile, fileOverDirectory } from './copy-errors.ts';
import { baseName, type DestTree, inodeType, joinPath, parentPath } from './dest-tree.ts';
import type { ModeChange } from './file-mode.ts';
import { type ContentSource, type Inode, metadataOf, newDirectory, type Owner } from './inode.ts';
import { type Filter, type Walked, walkSource } from './walk-source.ts';

export interface CopyRules {
  /** --chown; null keeps the owners of the source, and directories that no source has are root's. */
  readonly owner: Owner | null;
  /** --chmod; null keeps the modes of the source. */
  readonly mode: ModeChange | null;
  readonly parentMode: number;
}

export interface SourceItem {
  /** Name it gets inside a destination directory. */
  readonly name: string;
  /** The source itself, links followed. */
  readonly entry: FileEntry;
  /** Content when it is no file of `tree`. */
  readonly content: ContentSource | null;
  readonly tree: SourceTree | null;
  /** Host path when it may be an archive to unpack. */
  readonly archive: string | null;
  /** What of a directory is copied. */
  readonly filter: Filter;
  /** A directory that becomes the destination itself, with its mode, where there is none yet: repositories. */
  readonly itself?: boolean;
}

/** Number of entries that were selected; 1 for a file. */
export function copySource(tree: DestTree, rules: CopyRules, op: Pick<CopyOp, 'dest' | 'destIsDir'>, item: SourceItem): number {
  const { parentMode, owner } = rules;
  tree.makeDirectories(tree.resolve(op.destIsDir ? op.dest : parentPath(op.dest)).path, parentMode, owner);
  const dest = tree.resolve(op.dest);
  if (item.entry.type === 'dir') {
    if (dest.inode !== null && dest.inode.type !== 'dir') throw directoryOverFile(dest.path);
    const directory = dest.inode ?? tree.makeDirectories(dest.path, parentMode, owner);
    const copier = new Copier(tree, rules, item);
    const count = copier.copyContents(directory, dest.path);
    if (dest.inode === null && item.itself) copier.takeMetadata(directory, item.entry);
    directory.mtime = item.entry.mtime;
    return count;
  }
  const path = dest.inode?.type === 'dir' ? joinPath(dest.path, item.name) : dest.path;
  const directory = tree.makeDirectories(parentPath(path), parentMode, owner);
  new Copier(tree, rules, item).copyFile(item.entry, directory, path, baseName(path));
  return 1;
}

/** A directory of the destination whose content is being copied. */
interface Open {
  readonly directory: Inode;
  readonly path: string;
  /** Given to the directory once everything is in it; null leaves it as it is. */
  readonly metadata: FileEntry | null;
}

/** Hard links are kept within one source, so each gets a copier of its own (C-09). */
class Copier {
  readonly #tree: DestTree;
  readonly #rules: CopyRules;
  readonly #item: SourceItem;
  /** Link group in the source → its copy. */
  readonly #linked = new Map<string, Inode>();

  constructor(tree: DestTree, rules: CopyRules, item: SourceItem) {
    this.#tree = tree;
    this.#rules = rules;
    this.#item = item;
  }

  copyContents(root: Inode, rootPath: string): number {
    const { tree, entry, filter } = this.#item;
    if (tree === null) return 0;
    if (filter.exclude === null && filter.include === null) {
      this.#copyAll(tree, root, rootPath);
      return 1;
    }
    let count = 0;
    const open: Open[] = [{ directory: root, path: rootPath, metadata: null }];
    for (const walked of walkSource(tree, entry.path, filter)) {
      count += 1;
      while (open.length > walked.depth) this.#close(open.pop());
      const parent = open.at(-1);
      if (parent === undefined) break;
      const path = joinPath(parent.path, walked.name);
      if (walked.entry.type === 'dir') open.push(this.#openDirectory(walked, parent.directory, path));
      else this.copyFile(walked.entry, parent.directory, path, walked.name);
    }
    while (open.length > 1) this.#close(open.pop());
    return count;
  }

  /** Directories that are new in the destination are taken as they are, and listed only by who looks into them. */
  #copyAll(tree: SourceTree, root: Inode, rootPath: string): void {
    const open = [{ directory: root, path: rootPath, metadata: null as FileEntry | null, entries: entriesOf(tree, this.#item.entry.path) }];
    for (let level = open.at(-1); level !== undefined; level = open.at(-1)) {
      const next = level.entries.next();
      if (next.done === true) {
        this.#close(open.pop());
        continue;
      }
      const entry = next.value;
      const name = baseName(entry.path);
      const path = joinPath(level.path, name);
      if (entry.type !== 'dir') {
        this.copyFile(entry, level.directory, path, name);
        continue;
      }
      const there = this.#tree.child(level.directory, path, name);
      if (there === null) this.#tree.put(level.directory, name, this.#wholeDirectory(tree, entry));
      else if (there.type !== 'dir') throw directoryOverFile(path);
      else open.push({ directory: there, path, metadata: entry, entries: entriesOf(tree, entry.path) });
    }
  }

  #wholeDirectory(tree: SourceTree, entry: FileEntry): Inode {
    const directory = newDirectory(entry.mode, entry, this.#tree.time);
    this.takeMetadata(directory, entry);
    directory.unread = (children) => {
      const entries = entriesOf(tree, entry.path);
      for (let next = entries.next(); next.done !== true; next = entries.next()) {
        const { value } = next;
        children.set(baseName(value.path), value.type === 'dir' ? this.#wholeDirectory(tree, value) : this.#inodeOf(value));
      }
    };
    return directory;
  }

  #openDirectory(walked: Walked, parent: Inode, path: string): Open {
    const { entry, name, implied } = walked;
    const there = this.#tree.child(parent, path, name);
    if (there !== null && there.type !== 'dir') throw directoryOverFile(path);
    const directory = there ?? newDirectory(entry.mode, entry, this.#tree.time);
    if (there === null) {
      this.#tree.put(parent, name, directory);
      this.takeMetadata(directory, entry);
      directory.mtime = this.#tree.time;
    }
    // What is only on the way, and everything under --parents, gives an existing directory no more than its mode.
    const shared = implied || (there !== null && this.#item.filter.include !== null);
    if (shared && there !== null) directory.mode = entry.mode;
    return { directory, path, metadata: shared ? null : entry };
  }

  #close(open: Pick<Open, 'directory' | 'metadata'> | undefined): void {
    if (open?.metadata != null) this.takeMetadata(open.directory, open.metadata);
  }

  copyFile(entry: FileEntry, directory: Inode, path: string, name: string): void {
    const there = name === '' ? this.#tree.root : this.#tree.child(directory, path, name);
    if (there?.type === 'dir') throw fileOverDirectory(path);
    this.#tree.put(directory, name, this.#inodeOf(entry));
  }

  #inodeOf(entry: FileEntry): Inode {
    const group = this.#item.tree?.linkGroup?.(entry);
    const known = group === undefined ? undefined : this.#linked.get(group);
    if (known !== undefined) return known;
    const inode = this.#newInode(entry);
    if (group !== undefined && inode.type === 'file') {
      inode.linked = true;
      this.#linked.set(group, inode);
    }
    return inode;
  }

  #newInode(entry: FileEntry): Inode {
    const kind = inodeType(entry);
    // Docker's copier makes character devices of block devices, whatever they were (C-09); its unpacker does not.
    const type = kind === 'block' ? 'char' : kind;
    const { owner, mode } = this.#rules;
    const content = type === 'file' ? this.#contentOf(entry) : null;
    const inode: Inode = {
      ...metadataOf(entry),
      type,
      size: entry.size,
      content,
      children: null,
      unread: null,
      overBase: false,
      linked: false,
    };
    if (owner !== null) {
      inode.uid = owner.uid;
      inode.gid = owner.gid;
    }
    if (mode !== null && type !== 'symlink') inode.mode = mode.apply(entry.mode, false);
    return inode;
  }

  #contentOf(entry: FileEntry): ContentSource | null {
    const { content, tree } = this.#item;
    return content ?? (tree === null ? null : { type: 'tree', tree, path: entry.path });
  }

  takeMetadata(directory: Inode, entry: FileEntry): void {
    const { owner, mode } = this.#rules;
    directory.uid = owner?.uid ?? entry.uid;
    directory.gid = owner?.gid ?? entry.gid;
    directory.mode = mode === null ? entry.mode : mode.apply(entry.mode, true);
    directory.mtime = entry.mtime;
    directory.xattrs = entry.xattrs;
  }
}
