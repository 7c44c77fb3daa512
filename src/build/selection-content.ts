// The content key of what a COPY source or a read-only mount selects from a tree (H-05…H-08).
import pLimit from 'p-limit';
import type { BuildIndex } from '../cache/build-index.ts';
import { contentKeyOfSelection, selectedFiles } from '../context/content-key.ts';
import { hashContextFiles } from '../context/hash-files.ts';
import type { LocalTree } from '../context/local-tree.ts';
import { compilePatterns } from '../context/pattern-matcher.ts';
import { selectSources } from '../context/select-sources.ts';
import type { SourceTree } from '../context/source-tree.ts';
import type { StatCache } from '../context/stat-cache.ts';
import type { ContentKey } from '../core/digest.ts';

type PartOfTree = { readonly pattern: string; readonly exclude: readonly string[] };

/** Answers for all builds of a command: the same part of the same tree is looked at once. */
export class SelectionContents {
  readonly #stats: StatCache;
  readonly #known = new WeakMap<SourceTree, Map<string, Promise<ContentKey>>>();
  /** Two selections that overlap must not read the same files, and reading takes all cores as it is. */
  readonly #turn = pLimit(1);

  constructor(index: Pick<BuildIndex, 'stats' | 'saveStats'>) {
    this.#stats = { get: (directory) => index.stats(directory), put: (rows) => index.saveStats(rows) };
  }

  of(tree: SourceTree | LocalTree, { pattern, exclude }: PartOfTree): Promise<ContentKey> {
    const contents = this.#known.get(tree) ?? new Map<string, Promise<ContentKey>>();
    this.#known.set(tree, contents);
    const key = JSON.stringify([pattern, exclude]);
    const known = contents.get(key);
    if (known !== undefined) return known;
    const content = this.#look(tree, pattern, exclude);
    contents.set(key, content);
    return content;
  }

  /** Layers know the hashes of their files; those of the context are hashed unless the stat cache knows them. */
  async #look(tree: SourceTree | LocalTree, pattern: string, exclude: readonly string[]): Promise<ContentKey> {
    const matcher = exclude.length === 0 ? undefined : compilePatterns(exclude);
    const selection = selectSources(tree, pattern);
    if (!isLocal(tree)) return contentKeyOfSelection(tree, selection, matcher);
    await this.#turn(() => hashContextFiles(tree, selectedFiles(tree, selection, matcher), this.#stats));
    return contentKeyOfSelection(tree, selection, matcher);
  }
}

const isLocal = (tree: SourceTree | LocalTree): tree is LocalTree => 'refresh' in tree;
