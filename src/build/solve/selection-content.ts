// The content key of what a COPY source or a read-only mount selects from a tree (H-05…H-08).
import pLimit from 'p-limit';
import type { BuildIndex } from '../../cache/build-index.ts';
import { contentKeyOfSelection, selectedFiles } from '../../context/content-key.ts';
import { hashContextFiles, settledBefore } from '../../context/hash-files.ts';
import type { LocalTree } from '../../context/local-tree.ts';
import { compilePatterns } from '../../context/pattern-matcher.ts';
import { selectSources } from '../../context/select-sources.ts';
import { isLasting, stateOfSelection } from '../../context/selection-state.ts';
import type { SourceTree } from '../../context/source-tree.ts';
import type { StatCache } from '../../context/stat-cache.ts';
import { type ContentKey, isDigest, parseContentKey } from '../../core/digest.ts';
import { TsbuildError } from '../../core/errors.ts';
import type { Clock } from '../../core/events.ts';

type PartOfTree = { readonly pattern: string; readonly exclude: readonly string[] };

/** Key of one part of a tree: what is remembered of it, and what its files gave when they were read. */
interface Content {
  recalled?: Promise<ContentKey>;
  read?: Promise<ContentKey>;
}

type Memory = Pick<BuildIndex, 'stats' | 'saveStats' | 'fact' | 'setFact'>;

/** Milliseconds for which the key of files that stay the same is remembered. */
const KEPT = 30 * 24 * 60 * 60 * 1000;

/** Answers for all builds of a command: the same part of the same tree is looked at once. */
export class SelectionContents {
  readonly #memory: Memory;
  readonly #clock: Clock;
  readonly #stats: StatCache;
  readonly #known = new WeakMap<SourceTree, Map<string, Content>>();
  /** Two selections that overlap must not read the same files, and reading takes all cores as it is. */
  readonly #turn = pLimit(1);

  constructor(memory: Memory, clock: Clock = Date.now) {
    this.#memory = memory;
    this.#clock = clock;
    this.#stats = { get: (directory) => memory.stats(directory), put: (rows) => memory.saveStats(rows) };
  }

  /**
   * Key of what is selected. While a large directory looks as it did when its files were read, that is not done
   * again, so the entries of `tree` may lack their hashes, and files may change before they are copied: what
   * is to be copied has to be `read`.
   */
  of(tree: SourceTree | LocalTree, part: PartOfTree): Promise<ContentKey> {
    const content = this.#contentOf(tree, part);
    content.recalled ??= content.read ?? this.#recall(tree, part);
    return content.recalled;
  }

  /** The same with the hash of every file; true when it is not what `of` has answered. */
  async read(tree: SourceTree | LocalTree, part: PartOfTree): Promise<boolean> {
    const content = this.#contentOf(tree, part);
    const [recalled, read] = await Promise.all([content.recalled, this.#readOnce(tree, part)]);
    content.recalled = Promise.resolve(read);
    return recalled !== undefined && recalled !== read;
  }

  #contentOf(tree: SourceTree, { pattern, exclude }: PartOfTree): Content {
    const contents = this.#known.get(tree) ?? new Map<string, Content>();
    this.#known.set(tree, contents);
    const key = JSON.stringify([pattern, exclude]);
    const content = contents.get(key) ?? {};
    contents.set(key, content);
    return content;
  }

  async #recall(tree: SourceTree | LocalTree, part: PartOfTree): Promise<ContentKey> {
    const settled = settledBefore(this.#clock());
    const state =
      isLocal(tree) && part.exclude.length === 0 ? await this.#turn(() => stateOfSelection(tree, selectSources(tree, part.pattern))) : null;
    if (!isLocal(tree) || state === null) return this.#readOnce(tree, part);
    const name = `content of ${state.digest}`;
    const known = this.#memory.fact(name);
    if (known !== null && isDigest(known)) return parseContentKey(known);
    const key = await this.#readOnce(tree, part);
    if (isLasting(tree, state, settled)) this.#remember(name, key);
    return key;
  }

  /** A build that only wants to go faster next time must not fail for lack of space. */
  #remember(name: string, key: ContentKey): void {
    try {
      this.#memory.setFact(name, key, KEPT);
    } catch (error) {
      if (!(error instanceof TsbuildError)) throw error;
    }
  }

  #readOnce(tree: SourceTree | LocalTree, part: PartOfTree): Promise<ContentKey> {
    const content = this.#contentOf(tree, part);
    content.read ??= this.#read(tree, part);
    return content.read;
  }

  /** Layers know the hashes of their files; those of the context are hashed unless the stat cache knows them. */
  async #read(tree: SourceTree | LocalTree, { pattern, exclude }: PartOfTree): Promise<ContentKey> {
    const matcher = exclude.length === 0 ? undefined : compilePatterns(exclude);
    const selection = selectSources(tree, pattern);
    if (!isLocal(tree)) return contentKeyOfSelection(tree, selection, matcher);
    await this.#turn(() => hashContextFiles(tree, selectedFiles(tree, selection, matcher), this.#stats, { clock: this.#clock }));
    return contentKeyOfSelection(tree, selection, matcher);
  }
}

const isLocal = (tree: SourceTree | LocalTree): tree is LocalTree => 'refresh' in tree;
