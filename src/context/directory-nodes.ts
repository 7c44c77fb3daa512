// What was seen of a directory of this machine, without regard to ignore rules, so that several trees
// over it can share it. Lazy: only what is asked for is looked at, once.
import { resolve } from 'node:path';
import { TsbuildError } from '../core/errors.ts';
import { baseOf, childOf, parentOf } from './clean-path.ts';
import { entryOf, type LocalDirectory, type LocalEntry } from './local-entry.ts';
import { type DirectoryStats, readNames, readStats } from './read-directory.ts';

/** Owner and mode of a path as an archive gave them. */
export interface Ownership {
  readonly uid: number;
  readonly gid: number;
  readonly mode: number;
}

export class DirectoryNodes {
  /** Absolute. */
  readonly root: string;
  readonly top: LocalEntry;
  readonly #owners: ReadonlyMap<string, Ownership>;
  /** Directories that were entered, by path; null: there is none. */
  readonly #directories = new Map<string, LocalDirectory | null>();
  readonly #sockets = new Set<string>();

  /** `owners`: of paths that do not belong to root. A link to a directory is followed. Throws context/not-found. */
  constructor(dir: string, owners: ReadonlyMap<string, Ownership> = new Map()) {
    this.root = resolve(dir);
    this.#owners = owners;
    const top = entryOf('', () => this.root, readStats(['.'], '', `${this.root}/`), 0);
    if (top === null || top.directory === null) {
      throw new TsbuildError({
        code: 'context/not-found',
        message: `${JSON.stringify(dir)} is not a directory`,
        data: { path: dir },
      });
    }
    this.top = top;
    this.#directories.set('', top.directory);
  }

  find(path: string): LocalEntry | null {
    if (path === '') return this.top;
    const dir = parentOf(path);
    const parent = this.#directory(dir);
    const name = baseOf(path);
    if (parent === null || isNoName(name)) return null;
    parent.byName ??= new Map(parent.entries?.map((entry) => [entry.name, entry]));
    const known = parent.byName.get(name);
    if (known !== undefined) return known;
    const entry = parent.entries === null ? this.#enter(path, this.#stats([name], dir), 0) : null;
    parent.byName.set(name, entry);
    return entry;
  }

  /** All names in a directory, in byte order; [] for anything else. */
  names(path: string): readonly string[] {
    const directory = this.#directory(path);
    if (directory === null) return [];
    directory.names ??= readNames(path, this.hostOf(path));
    return directory.names;
  }

  /** Everything in a directory; what was looked at alone before keeps its identity. [] for anything else. */
  list(path: string): readonly LocalEntry[] {
    const directory = this.#directory(path);
    if (directory === null) return [];
    if (directory.entries !== null) return directory.entries;
    const stats = this.#stats(this.names(path), path);
    const { byName } = directory;
    const entries: LocalEntry[] = [];
    for (const [at, name] of stats.names.entries()) {
      const entry = byName?.get(name) ?? this.#enter(childOf(path, name), stats, at);
      if (entry !== null) entries.push(entry);
    }
    directory.entries = entries;
    directory.byName = null;
    return entries;
  }

  /** Looks again at a file that changed meanwhile. */
  refresh(entry: LocalEntry): void {
    const dir = parentOf(entry.path);
    entry.renew(readStats([entry.name], prefixOf(dir), prefixOf(this.hostOf(dir))));
    this.#own(entry);
  }

  /** Where the content of a file is. */
  contentOf(path: string): string {
    return this.#sockets.has(path) ? '/dev/null' : this.hostOf(path);
  }

  readonly hostOf = (path: string): string => (path === '' ? this.root : this.root === '/' ? `/${path}` : `${this.root}/${path}`);

  #directory(path: string): LocalDirectory | null {
    const known = this.#directories.get(path);
    if (known !== undefined) return known;
    const directory = this.find(path)?.directory ?? null;
    this.#directories.set(path, directory);
    return directory;
  }

  #stats(names: readonly string[], dir: string): DirectoryStats {
    return readStats(names, prefixOf(dir), prefixOf(this.hostOf(dir)));
  }

  #enter(path: string, stats: DirectoryStats, at: number): LocalEntry | null {
    const entry = entryOf(path, this.hostOf, stats, at);
    if (entry === null) return null;
    if (entry.isSocket) this.#sockets.add(path);
    this.#own(entry);
    return entry;
  }

  #own(entry: LocalEntry): void {
    const owner = this.#owners.get(entry.path);
    if (owner !== undefined) Object.assign(entry, owner);
  }
}

/** What paths of names in `dir` begin with. */
const prefixOf = (dir: string): string => (dir === '' || dir.endsWith('/') ? dir : `${dir}/`);

/** Paths of a tree are clean; these would lead elsewhere. */
const isNoName = (name: string): boolean => name === '' || name === '.' || name === '..';
