// The build context in a directory of this machine as a SourceTree: .dockerignore applied (K-02..K-08),
// owners zeroed (C-10, H-08), xattrs left out. Lazy: only what is asked for is looked at, once.
import type { FileEntry } from '../core/file-entry.ts';
import { baseOf, parentOf } from './clean-path.ts';
import { DirectoryNodes, type Ownership } from './directory-nodes.ts';
import type { IgnoreRule } from './ignore-file.ts';
import { LocalEntry } from './local-entry.ts';
import type { ParentMatch, PatternMatcher } from './pattern-matcher.ts';
import type { DirectoryStats } from './read-directory.ts';
import type { SourceTree } from './source-tree.ts';

/** Regular files of it are LocalEntry objects, which take in the hash of their content. */
export interface LocalTree extends SourceTree {
  /** Absolute path of the directory. */
  readonly root: string;
  entries(path: string): readonly FileEntry[];
  /**
   * Looks at everything in the directory `top` and below it, but for directories that rules hide with all they
   * hold; null for a tree that was unpacked for this build. By path, parents first.
   */
  survey(top: string): Promise<ReadonlyMap<string, DirectoryStats>> | null;
  /** Whether all that was taken in of the directory `path` is as in what a survey saw. */
  lookedLike(path: string, surveyed: DirectoryStats): boolean;
  /** The rules that say what is visible. */
  readonly rules: readonly IgnoreRule[];
  /** Looks again at a file that changed meanwhile. */
  refresh(entry: LocalEntry): void;
  /** Remembers size and hash of the content of `path` without reading it. */
  setContent(path: string, size: number, sha256: string): void;
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
  /** What other trees over the same directory have seen of it. */
  readonly nodes?: DirectoryNodes;
}

/** Opens a directory; a link to one is followed. Throws context/not-found. */
export const openLocalTree = (dir: string, options: LocalTreeOptions = {}): LocalTree =>
  new DirectoryTree(options.nodes ?? new DirectoryNodes(dir, options.owners), options);

/** What the ignore rules say about a directory. */
interface Verdict {
  /** Left out by a rule; it may still show for what is below it. */
  readonly excluded: boolean;
  /** Excluded together with everything below. */
  readonly pruned: boolean;
  /** What children inherit from the rules. */
  readonly matched: ParentMatch | null;
  /** What shows of its inside, once asked for. */
  visible: readonly LocalEntry[] | null;
}

class DirectoryTree implements LocalTree {
  readonly root: string;
  readonly label: string;
  readonly #nodes: DirectoryNodes;
  readonly #ignore: PatternMatcher | null;
  readonly #ignoreName: string;
  /** By path of the directory. */
  readonly #verdicts = new Map<string, Verdict>();

  constructor(nodes: DirectoryNodes, options: LocalTreeOptions) {
    this.root = nodes.root;
    this.label = options.label ?? 'the build context';
    this.#nodes = nodes;
    this.#ignore = options.ignore !== undefined && options.ignore.rules.length > 0 ? options.ignore : null;
    this.#ignoreName = options.ignoreName ?? '.dockerignore';
    this.#verdicts.set('', { excluded: false, pruned: false, matched: null, visible: null });
  }

  lstat(path: string): FileEntry | null {
    const entry = this.#nodes.find(path);
    return entry !== null && this.#isVisible(entry) ? asFileEntry(entry) : null;
  }

  readdir(path: string): readonly string[] {
    if (this.#ignore === null) return this.#nodes.names(path);
    return this.entries(path).map((entry) => baseOf(entry.path));
  }

  entries(path: string): readonly FileEntry[] {
    const directory = this.#ignore === null ? null : this.#nodes.find(path);
    const entries = this.#ignore === null ? this.#nodes.list(path) : directory === null ? [] : this.#inside(directory, this.#ignore);
    return entries as readonly unknown[] as readonly FileEntry[];
  }

  hostPath(path: string): string {
    return this.#nodes.contentOf(path);
  }

  linkGroup(entry: FileEntry): string | undefined {
    return entry instanceof LocalEntry ? entry.group : undefined;
  }

  hiddenBy(path: string): string | null {
    const rule = this.#ignore?.explain(path) ?? null;
    const entry = this.#nodes.find(path);
    if (rule === null || entry === null || this.#isVisible(entry)) return null;
    return `${this.#ignoreName} line ${rule.line} (${rule.text.trim()})`;
  }

  get rules(): readonly IgnoreRule[] {
    return this.#ignore?.rules ?? [];
  }

  survey(top: string): Promise<ReadonlyMap<string, DirectoryStats>> | null {
    if (!this.#nodes.isPlain) return null;
    const ignore = this.#ignore;
    return this.#nodes.survey(top, (path) => ignore === null || !this.#verdict(path, ignore).pruned);
  }

  lookedLike(path: string, surveyed: DirectoryStats): boolean {
    return this.#nodes.lookedLike(path, surveyed);
  }

  refresh(entry: LocalEntry): void {
    this.#nodes.refresh(entry);
  }

  setContent(path: string, size: number, sha256: string): void {
    const entry = this.#nodes.find(path);
    if (entry?.type === 'file') entry.setContent(size, sha256);
  }

  #isVisible(entry: LocalEntry): boolean {
    if (this.#ignore === null || entry === this.#nodes.top) return true;
    return this.#shows(entry, this.#verdict(parentOf(entry.path), this.#ignore), this.#ignore);
  }

  /** Whether something in the directory that `parent` is about is visible. */
  #shows(entry: LocalEntry, parent: Verdict, ignore: PatternMatcher): boolean {
    if (parent.pruned) return false;
    if (entry.directory === null) return !ignore.excludes(ignore.decide(entry.path, parent.matched, null));
    return !this.#verdict(entry.path, ignore).excluded || this.#inside(entry, ignore).length > 0;
  }

  #inside(directory: LocalEntry, ignore: PatternMatcher): readonly LocalEntry[] {
    if (directory.directory === null) return [];
    const verdict = this.#verdict(directory.path, ignore);
    if (verdict.pruned) return [];
    verdict.visible ??= this.#nodes.list(directory.path).filter((entry) => this.#shows(entry, verdict, ignore));
    return verdict.visible;
  }

  /** About the directory `path`. */
  #verdict(path: string, ignore: PatternMatcher): Verdict {
    const known = this.#verdicts.get(path);
    if (known !== undefined) return known;
    const verdict = judge(path, this.#verdict(parentOf(path), ignore), ignore);
    this.#verdicts.set(path, verdict);
    return verdict;
  }
}

const asFileEntry = (entry: LocalEntry): FileEntry => entry as unknown as FileEntry;

function judge(path: string, parent: Verdict, ignore: PatternMatcher): Verdict {
  if (parent.pruned) return { excluded: true, pruned: true, matched: null, visible: null };
  const matched = new Uint8Array(ignore.rules.length);
  const excluded = ignore.excludes(ignore.decide(path, parent.matched, matched));
  return { excluded, pruned: excluded && !ignore.mayReincludeBelow(path), matched, visible: null };
}
