// The sources that one COPY/ADD argument stands for, ready to be copied one after the other.
import { baseOf, treePath } from '../../context/clean-path.ts';
import { hasWildcard } from '../../context/go-match.ts';
import { compilePatterns, type PatternMatcher } from '../../context/pattern-matcher.ts';
import { selectSources } from '../../context/select-sources.ts';
import type { SourceTree } from '../../context/source-tree.ts';
import type { FileEntry } from '../../core/file-entry.ts';
import type { SourceItem } from './copy-source.ts';
import type { Filter } from './walk-source.ts';

/** `time` stands in for the root of a tree, which has no time of its own. Errors: those of `selectSources`. */
export function selectItems(tree: SourceTree, pattern: string, exclude: PatternMatcher | null, time: number): readonly SourceItem[] {
  const filter: Filter = { exclude, include: null };
  return selectSources(tree, pattern).sources.map(({ path, entry }) => itemOf(tree, entry, baseOf(path), filter, time));
}

export interface ParentsItem {
  readonly item: SourceItem;
  /** The pattern when it must select something, because it names one path. */
  readonly required: string | null;
}

const PIVOT = '/./';

/** --parents (C-36): the whole tree, or the part behind the first `/./`, filtered by the pattern. */
export function selectWithParents(tree: SourceTree, pattern: string, exclude: PatternMatcher | null, time: number): ParentsItem {
  const at = pattern.indexOf(PIVOT);
  const start = at === -1 ? '' : pattern.slice(0, at);
  const rest = treePath(at === -1 ? pattern : pattern.slice(at + PIVOT.length));
  const [source] = selectSources(tree, start).sources;
  const parts = rest.split('/');
  const first = parts.findIndex(hasWildcard);
  const literal = parts.slice(0, first === -1 ? parts.length : first);
  const depth = parts.includes('**') ? Number.POSITIVE_INFINITY : parts.length;
  const include = rest === '' ? null : { matcher: compilePatterns([rest]), literal, depth };
  const entry = source?.entry ?? { path: '', type: 'dir', mode: 0o755, uid: 0, gid: 0, size: 0, mtime: time };
  return { item: itemOf(tree, entry, '', { exclude, include }, time), required: first === -1 && rest !== '' ? pattern : null };
}

function itemOf(tree: SourceTree, entry: FileEntry, name: string, filter: Filter, time: number): SourceItem {
  return {
    name,
    entry: entry.path === '' ? { ...entry, mtime: time } : entry,
    content: null,
    tree,
    archive: entry.type === 'file' && entry.size > 0 ? tree.hostPath(entry.path) : null,
    filter,
  };
}
