// What was seen of a directory of this machine, without regard to ignore rules, so that several trees
// over it can share it. Lazy: only what is asked for is looked at, once.
import { resolve } from 'node:path';
import { TsbuildError } from '../core/errors.ts';
import { baseOf, childOf, parentOf } from './clean-path.ts';
import { DirectoryReader } from './directory-reader.ts';
import { entryOf, type LocalDirectory, type LocalEntry } from './local-entry.ts';
import { type DirectoryStats, hostOf, isDirectory, prefixOf, readNames, readStats } from './read-directory.ts';

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
  /** Everything in directories that were surveyed, by path. */
  readonly #surveyed = new Map<string, DirectoryStats>();

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

  /** Whether all files belong to root. */
  get isPlain(): boolean {
    return this.#owners.size === 0;
  }

  /**
   * Looks at everything in the directory `top` and in those below it that `enters` lets through; much faster
   * for a large tree than listing one after another. By path, parents first.
   */
  async survey(top: string, enters: (path: string) => boolean): Promise<ReadonlyMap<string, DirectoryStats>> {
    const reader = new DirectoryReader(this.root);
    const found = new Map<string, DirectoryStats>();
    try {
      for (let level = [top]; level.length > 0; ) {
        const unread = level.filter((path) => !this.#surveyed.has(path));
        for (const [path, stats] of await reader.read(unread)) this.#surveyed.set(path, stats);
        const below: string[] = [];
        for (const path of level) {
          const stats = this.#surveyed.get(path);
          if (stats === undefined) continue;
          found.set(path, stats);
          for (const directory of directoriesIn(path, stats)) if (enters(directory)) below.push(directory);
        }
        level = below;
      }
      return found;
    } finally {
      reader.close();
    }
  }

  /** Whether everything that was listed in a directory is as in `surveyed`; false for one that was not. */
  lookedLike(path: string, surveyed: DirectoryStats): boolean {
    const entries = this.#directories.get(path)?.entries;
    // What vanished before it was looked at has no mode.
    const count = surveyed.modes.reduce((sum, mode) => sum + Math.sign(mode), 0);
    return entries?.length === count && entries.every((entry) => entry.looksAsIn(surveyed));
  }

  /** All names in a directory, in byte order; [] for anything else. */
  names(path: string): readonly string[] {
    const directory = this.#directory(path);
    if (directory === null) return [];
    directory.names ??= this.#surveyed.get(path)?.names ?? readNames(path, this.hostOf(path));
    return directory.names;
  }

  /** Everything in a directory; what was looked at alone before keeps its identity. [] for anything else. */
  list(path: string): readonly LocalEntry[] {
    const directory = this.#directory(path);
    if (directory === null) return [];
    if (directory.entries !== null) return directory.entries;
    const stats = this.#surveyed.get(path) ?? this.#stats(this.names(path), path);
    const { byName } = directory;
    const entries: LocalEntry[] = [];
    for (const [at, name] of stats.names.entries()) {
      const entry = byName?.get(name) ?? this.#enter(childOf(path, name), stats, at);
      if (entry !== null) entries.push(entry);
    }
    directory.names = stats.names;
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

  readonly hostOf = (path: string): string => hostOf(this.root, path);

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

/** Paths of the directories in `path`. */
const directoriesIn = (path: string, { names, modes }: DirectoryStats): string[] =>
  names.filter((_, at) => isDirectory(modes[at] ?? 0)).map((name) => childOf(path, name));

/** Paths of a tree are clean; these would lead elsewhere. */
const isNoName = (name: string): boolean => name === '' || name === '.' || name === '..';
