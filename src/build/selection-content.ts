// The content key of what a COPY source or a read-only mount selects from a tree (H-05…H-08).
import { contentKeyOfSelection, selectedFiles } from '../context/content-key.ts';
import { hashContextFiles } from '../context/hash-files.ts';
import type { LocalTree } from '../context/local-tree.ts';
import { compilePatterns } from '../context/pattern-matcher.ts';
import { selectSources } from '../context/select-sources.ts';
import type { SourceTree } from '../context/source-tree.ts';
import type { StatCache } from '../context/stat-cache.ts';
import type { ContentKey } from '../core/digest.ts';

/** Layers know the hashes of their files; those of the context are hashed unless the stat cache knows them. */
export async function selectionContent(
  tree: SourceTree | LocalTree,
  pattern: string,
  exclude: readonly string[],
  cache: StatCache,
): Promise<ContentKey> {
  const matcher = exclude.length === 0 ? undefined : compilePatterns(exclude);
  const selection = selectSources(tree, pattern);
  if (!isLocal(tree)) return contentKeyOfSelection(tree, selection, matcher);
  await hashContextFiles(tree, selectedFiles(tree, selection, matcher), cache);
  return contentKeyOfSelection(tree, selection, matcher);
}

const isLocal = (tree: SourceTree | LocalTree): tree is LocalTree => 'refresh' in tree;
