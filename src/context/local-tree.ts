// The build context in a directory of this machine as a SourceTree: .dockerignore applied (K-02..K-08),
// owners zeroed (C-10, H-08), xattrs left out. Lazy: only what is asked for is looked at, once.
import { resolve } from 'node:path';
import { TsbuildError } from '../core/errors.ts';
import type { FileEntry } from '../core/file-entry.ts';
import { baseOf, childOf, parentOf } from './clean-path.ts';
import { entryOf, type LocalDirectory, LocalEntry } from './local-entry.ts';
import type { PatternMatcher } from './pattern-matcher.ts';
import { type DirectoryStats, readNames, readStats } from './read-directory.ts';
import type { SourceTree } from './source-tree.ts';

/** Regular files of it are LocalEntry objects, which take in the hash of their content. */
export interface LocalTree extends SourceTree {
  /** Absolute path of the directory. */
  readonly root: string;
  entries(path: string): readonly FileEntry[];
  /** Looks again at a file that changed meanwhile. */
  refresh(entry: LocalEntry): void;
  /** Remembers size and hash of the content of `path` without reading it. */
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
  const top = entryOf('', () => root, readStats(['.'], '', `${root}/`), 0);
  if (top === null || top.directory === null) {
    throw new TsbuildError({
      code: 'context/not-found',
      message: `${JSON.stringify(dir)} is not a directory`,
      data: { path: dir },
    });
  }
  return new DirectoryTree(root, top, options);
}

class DirectoryTree implements LocalTree {
  readonly root: string;
  readonly label: string;
  readonly #ignore: PatternMatcher | null;
  readonly #ignoreName: string;
  readonly #owners: ReadonlyMap<string, Ownership> | null;
  readonly #top: LocalEntry;
  /** Directories that were entered, by path; null: there is none. */
  readonly #directories = new Map<string, LocalDirectory | null>();
  readonly #sockets = new Set<string>();

  constructor(root: string, top: LocalEntry, options: LocalTreeOptions) {
    this.root = root;
    this.label = options.label ?? 'the build context';
    this.#ignore = options.ignore !== undefined && options.ignore.rules.length > 0 ? options.ignore : null;
    this.#ignoreName = options.ignoreName ?? '.dockerignore';
    this.#owners = options.owners !== undefined && options.owners.size > 0 ? options.owners : null;
    this.#top = top;
    this.#directories.set('', top.directory);
  }

  lstat(path: string): FileEntry | null {
    const entry = this.#find(path);
    return entry !== null && this.#isVisible(entry) ? asFileEntry(entry) : null;
  }

  readdir(path: string): readonly string[] {
    const directory = this.#directory(path);
    if (directory === null || directory.pruned) return [];
    if (this.#ignore === null) return this.#names(path, directory);
    return this.entries(path).map((entry) => baseOf(entry.path));
  }

  entries(path: string): readonly FileEntry[] {
    const directory = this.#directory(path);
    if (directory === null || directory.pruned) return [];
    const entries = this.#list(path, directory);
    const visible = this.#ignore === null ? entries : entries.filter((entry) => this.#isVisible(entry));
    return visible as readonly unknown[] as readonly FileEntry[];
  }

  hostPath(path: string): string {
    return this.#sockets.has(path) ? '/dev/null' : this.#host(path);
  }

  linkGroup(entry: FileEntry): string | undefined {
    return entry instanceof LocalEntry ? entry.group : undefined;
  }

  hiddenBy(path: string): string | null {
    const rule = this.#ignore?.explain(path) ?? null;
    const entry = this.#find(path);
    if (rule === null || entry === null || this.#isVisible(entry)) return null;
    return `${this.#ignoreName} line ${rule.line} (${rule.text.trim()})`;
  }

  refresh(entry: LocalEntry): void {
    const dir = parentOf(entry.path);
    entry.renew(readStats([entry.name], prefixOf(dir), prefixOf(this.#host(dir))));
    this.#own(entry);
  }

  setContent(path: string, size: number, sha256: string): void {
    const entry = this.#find(path);
    if (entry?.type === 'file') entry.setContent(size, sha256);
  }

  #find(path: string): LocalEntry | null {
    if (path === '') return this.#top;
    const dir = parentOf(path);
    const parent = this.#directory(dir);
    const name = baseOf(path);
    if (parent === null || isNoName(name)) return null;
    parent.byName ??= new Map(parent.entries?.map((entry) => [entry.name, entry]));
    const known = parent.byName.get(name);
    if (known !== undefined) return known;
    const entry = parent.entries === null ? this.#enter(parent, path, this.#stats([name], dir), 0) : null;
    parent.byName.set(name, entry);
    return entry;
  }

  #directory(path: string): LocalDirectory | null {
    const known = this.#directories.get(path);
    if (known !== undefined) return known;
    const directory = this.#find(path)?.directory ?? null;
    this.#directories.set(path, directory);
    return directory;
  }

  /** Everything in a directory; what was looked at alone before keeps its identity. */
  #list(path: string, directory: LocalDirectory): readonly LocalEntry[] {
    if (directory.entries !== null) return directory.entries;
    const stats = this.#stats(this.#names(path, directory), path);
    const { byName } = directory;
    const entries: LocalEntry[] = [];
    for (const [at, name] of stats.names.entries()) {
      const entry = byName?.get(name) ?? this.#enter(directory, childOf(path, name), stats, at);
      if (entry !== null) entries.push(entry);
    }
    directory.entries = entries;
    directory.byName = null;
    return entries;
  }

  #stats(names: readonly string[], dir: string): DirectoryStats {
    return readStats(names, prefixOf(dir), prefixOf(this.#host(dir)));
  }

  #enter(parent: LocalDirectory, path: string, stats: DirectoryStats, at: number): LocalEntry | null {
    const entry = entryOf(path, this.#host, stats, at);
    if (entry === null) return null;
    if (this.#ignore !== null) applyRules(entry, parent, this.#ignore);
    if (entry.isSocket) this.#sockets.add(path);
    this.#own(entry);
    return entry;
  }

  #own(entry: LocalEntry): void {
    const owner = this.#owners?.get(entry.path);
    if (owner !== undefined) Object.assign(entry, owner);
  }

  #isVisible(entry: LocalEntry): boolean {
    if (!entry.excluded) return true;
    const { directory, path } = entry;
    if (directory === null) return false;
    directory.visible ??= !directory.pruned && this.#list(path, directory).some((below) => this.#isVisible(below));
    return directory.visible;
  }

  #names(path: string, directory: LocalDirectory): readonly string[] {
    directory.names ??= readNames(path, this.#host(path));
    return directory.names;
  }

  readonly #host = (path: string): string => (path === '' ? this.root : this.root === '/' ? `/${path}` : `${this.root}/${path}`);
}

const asFileEntry = (entry: LocalEntry): FileEntry => entry as unknown as FileEntry;

/** What paths of names in `dir` begin with. */
const prefixOf = (dir: string): string => (dir === '' || dir.endsWith('/') ? dir : `${dir}/`);

/** Paths of a tree are clean; these would lead elsewhere. */
const isNoName = (name: string): boolean => name === '' || name === '.' || name === '..';

function applyRules(entry: LocalEntry, parent: LocalDirectory, ignore: PatternMatcher): void {
  const { directory, path } = entry;
  if (parent.pruned) {
    entry.excluded = true;
    if (directory !== null) directory.pruned = true;
    return;
  }
  if (directory !== null) directory.matched = new Uint8Array(ignore.rules.length);
  entry.excluded = ignore.excludes(ignore.decide(path, parent.matched, directory?.matched ?? null));
  if (directory !== null) directory.pruned = entry.excluded && !ignore.mayReincludeBelow(path);
}
