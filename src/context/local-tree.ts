// The build context in a directory of this machine as a SourceTree: .dockerignore applied (K-02..K-08),
// owners zeroed (C-10, H-08), xattrs left out. Lazy: only what is asked for is looked at, once.
import { resolve } from 'node:path';
import { TsbuildError } from '../core/errors.ts';
import type { FileEntry } from '../core/file-entry.ts';
import { baseOf, childOf, parentOf } from './clean-path.ts';
import { type Directory, type Node, readNames, readNode } from './local-node.ts';
import type { PatternMatcher } from './pattern-matcher.ts';
import type { SourceTree } from './source-tree.ts';
import type { FileStamp } from './stat-cache.ts';

export interface LocalTree extends SourceTree {
  /** Absolute path of the directory. */
  readonly root: string;
  /** State of a regular file as of its lstat; null for anything else. */
  stamp(path: string): FileStamp | null;
  /** The same after looking again, for a file that changed meanwhile. */
  refresh(path: string): FileStamp | null;
  /** Remembers size and hash of the content that was read, so that later entries carry them. */
  setContent(path: string, size: number, sha256: string): void;
}

/** Owner and mode of a path as an archive gave them. */
export interface Ownership {
  readonly uid: number;
  readonly gid: number;
  readonly mode: number;
}

export interface LocalTreeOptions {
  /** Paths that do not belong to root; contexts from archives keep their owners. */
  readonly owners?: ReadonlyMap<string, Ownership>;
  /** Absent: everything is visible. */
  readonly ignore?: PatternMatcher;
  /** Name of the ignore file in messages. */
  readonly ignoreName?: string;
  /** As in SourceTree; 'the build context' unless given. */
  readonly label?: string;
}

/** Opens a directory; a link to one is followed. Throws context/not-found. */
export function openLocalTree(dir: string, options: LocalTreeOptions = {}): LocalTree {
  const root = resolve(dir);
  const node = readNode('', `${root}/.`);
  if (node === null || node.dir === null) {
    throw new TsbuildError({
      code: 'context/not-found',
      message: `${JSON.stringify(dir)} is not a directory`,
      data: { path: dir },
    });
  }
  return new DirectoryTree(root, node, options);
}

class DirectoryTree implements LocalTree {
  readonly root: string;
  readonly label: string;
  readonly #ignore: PatternMatcher | null;
  readonly #ignoreName: string;
  readonly #owners: ReadonlyMap<string, Ownership> | null;
  /** Null: looked for and not there. */
  readonly #nodes = new Map<string, Node | null>();

  constructor(root: string, node: Node, options: LocalTreeOptions) {
    this.root = root;
    this.label = options.label ?? 'the build context';
    this.#ignore = options.ignore !== undefined && options.ignore.rules.length > 0 ? options.ignore : null;
    this.#ignoreName = options.ignoreName ?? '.dockerignore';
    this.#owners = options.owners !== undefined && options.owners.size > 0 ? options.owners : null;
    this.#nodes.set('', node);
  }

  lstat(path: string): FileEntry | null {
    const node = this.#node(path);
    return node !== null && this.#isVisible(node) ? node.entry : null;
  }

  readdir(path: string): readonly string[] {
    const node = this.#node(path);
    if (node === null || node.dir === null || node.dir.pruned) return [];
    const names = this.#names(path, node.dir);
    return this.#ignore === null ? names : names.filter((name) => this.lstat(childOf(path, name)) !== null);
  }

  hostPath(path: string): string {
    return this.#node(path)?.socket === true ? '/dev/null' : this.#host(path);
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
    const node = this.#node(path);
    return node?.entry.type === 'file' && !node.socket ? node : null;
  }

  refresh(path: string): FileStamp | null {
    this.#nodes.delete(path);
    return this.stamp(path);
  }

  setContent(path: string, size: number, sha256: string): void {
    const node = this.#node(path);
    if (node?.entry.type === 'file') node.entry = { ...node.entry, size, sha256 };
  }

  #node(path: string): Node | null {
    const known = this.#nodes.get(path);
    if (known !== undefined) return known;
    const parent = this.#node(parentOf(path))?.dir ?? null;
    const node = parent === null || isNoName(baseOf(path)) ? null : readNode(path, this.#host(path));
    if (node !== null && parent !== null && this.#ignore !== null) applyRules(node, parent, this.#ignore);
    const owner = this.#owners?.get(path);
    if (node !== null && owner !== undefined) node.entry = { ...node.entry, ...owner };
    this.#nodes.set(path, node);
    return node;
  }

  #isVisible(node: Node): boolean {
    if (!node.excluded) return true;
    const { dir } = node;
    if (dir === null) return false;
    const { path } = node.entry;
    dir.visible ??= !dir.pruned && this.#names(path, dir).some((name) => this.lstat(childOf(path, name)) !== null);
    return dir.visible;
  }

  /** All names on disk. */
  #names(path: string, dir: Directory): readonly string[] {
    dir.names ??= readNames(path, this.#host(path));
    return dir.names;
  }

  #host(path: string): string {
    return this.root === '/' ? `/${path}` : `${this.root}/${path}`;
  }
}

/** Paths of a tree are clean; these would lead elsewhere. */
const isNoName = (name: string): boolean => name === '' || name === '.' || name === '..';

function applyRules(node: Node, parent: Directory, ignore: PatternMatcher): void {
  const { dir } = node;
  if (parent.pruned) {
    node.excluded = true;
    if (dir !== null) dir.pruned = true;
    return;
  }
  const { path } = node.entry;
  if (dir !== null) dir.matched = new Uint8Array(ignore.rules.length);
  node.excluded = ignore.excludes(ignore.decide(path, parent.matched, dir?.matched ?? null));
  if (dir !== null) dir.pruned = node.excluded && !ignore.mayReincludeBelow(path);
}
