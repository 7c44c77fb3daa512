// Turns a source of COPY or ADD into the entries it means (C-02, C-04..C-08).
import { TsbuildError } from '../core/errors.ts';
import type { FileEntry } from '../core/file-entry.ts';
import { baseOf, childOf, parentOf, treePath } from './clean-path.ts';
import { compileGlob, crossesSlash, type Glob, hasWildcard, matchGlob } from './go-match.ts';
import { nearestNames } from './nearest-names.ts';
import { resolveInTree } from './resolve-path.ts';
import type { SourceTree } from './source-tree.ts';

export interface SelectedSource {
  /** Path as named or matched: its base name is the name of the copy. '' is the root. */
  readonly path: string;
  /** What is copied, with links in `path` followed to the end; `entry.path` is where it really is. */
  readonly entry: FileEntry;
}

export interface Selection {
  /** Matches of a wildcard are part of a cache key by name; a literal source's own name is not (H-07). */
  readonly wildcard: boolean;
  /** One for a literal source; any number, in walking order, for a wildcard. */
  readonly sources: readonly SelectedSource[];
}

/**
 * Selects `pattern` in `tree`. Throws context/source-not-found when a literal source, the directory in
 * front of a wildcard, or the target of a matched link does not exist; context/bad-pattern for a malformed wildcard.
 */
export function selectSources(tree: SourceTree, pattern: string): Selection {
  const parts = treePath(pattern).split('/');
  const first = parts.findIndex(hasWildcard);
  if (first === -1) {
    const path = parts.join('/');
    return { wildcard: false, sources: [{ path, entry: follow(tree, path) }] };
  }
  const wild = parts.slice(first).join('/');
  const glob = compileGlob(wild);
  if (glob === null) throw malformed(pattern);
  const prefix = parts.slice(0, first).join('/');
  const base = follow(tree, prefix);
  const found =
    base.type === 'dir' ? matchBelow(tree, base.path, glob, crossesSlash(glob) ? Number.POSITIVE_INFINITY : parts.length - first) : [];
  return { wildcard: true, sources: found.map((path) => ({ path, entry: follow(tree, path) })) };
}

/**
 * Paths below `base` whose part below `base` matches. Links are not entered, and nothing below a
 * match is looked at (C-06). `depth` is the number of components of the pattern.
 */
function matchBelow(tree: SourceTree, base: string, glob: Glob, depth: number): string[] {
  const out: string[] = [];
  const visit = (relative: string, left: number): void => {
    for (const name of tree.readdir(relative === '' ? base : childOf(base, relative))) {
      const below = childOf(relative, name);
      const path = childOf(base, below);
      if (matchGlob(glob, below)) out.push(path);
      else if (left > 1 && tree.lstat(path)?.type === 'dir') visit(below, left - 1);
    }
  };
  visit('', depth);
  return out;
}

function follow(tree: SourceTree, path: string): FileEntry {
  const resolved = resolveInTree(tree, path);
  if (resolved.entry === null) throw notFound(tree, path, resolved.missing);
  return resolved.entry;
}

function notFound(tree: SourceTree, path: string, missing: string): TsbuildError {
  const label = tree.label ?? 'the source tree';
  const through =
    missing === path || path.startsWith(`${missing}/`) ? '' : `, which a symbolic link leads to as ${JSON.stringify(`/${missing}`)},`;
  const hidden = hidingRule(tree, missing);
  const message = `${JSON.stringify(`/${path}`)}${through} not found in ${label}${hidden === null ? '' : `: excluded by ${hidden}`}`;
  const dir = parentOf(missing);
  const near = hidden === null ? nearestNames(baseOf(missing), tree.readdir(dir)).map((name) => childOf(dir, name)) : [];
  const hint =
    hidden !== null
      ? 'Add an exception ("!" and the path) below that line, or remove it.'
      : near.length > 0
        ? `Did you mean ${near.join(' or ')}?`
        : `${missing === '' ? 'The root' : `/${dir}`} holds: ${listing(tree.readdir(dir))}.`;
  return new TsbuildError({ code: 'context/source-not-found', message, hint, data: { path, missing, excludedBy: hidden, nearest: near } });
}

/** The rule that hides `path` or a directory it is in. */
function hidingRule(tree: SourceTree, path: string): string | null {
  return tree.hiddenBy?.(path) ?? null;
}

const MAX_LISTED = 8;

function listing(names: readonly string[]): string {
  if (names.length === 0) return 'nothing';
  const rest = names.length - MAX_LISTED;
  return names.slice(0, MAX_LISTED).join(', ') + (rest > 0 ? ` and ${rest} more` : '');
}

const malformed = (pattern: string): TsbuildError =>
  new TsbuildError({
    code: 'context/bad-pattern',
    message: `syntax error in pattern ${JSON.stringify(pattern)}`,
    hint: 'Close every "[" with "]"; to name a file with such a character, put a backslash before it.',
    data: { pattern },
  });
