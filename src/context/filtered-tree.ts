// Any tree under ignore rules: what openLocalTree does for directories of this machine, for trees that are
// not on disk.
import type { FileEntry } from '../core/file-entry.ts';
import { childOf, parentOf } from './clean-path.ts';
import type { ParentMatch, PatternMatcher } from './pattern-matcher.ts';
import type { SourceTree } from './source-tree.ts';

interface State {
  readonly excluded: boolean;
  /** Excluded together with everything below. */
  readonly pruned: boolean;
  /** What children inherit. */
  readonly matched: ParentMatch;
  /** Whether an excluded directory shows for what is below it. */
  visible: boolean | null;
}

export function filteredTree(tree: SourceTree, ignore: PatternMatcher): SourceTree {
  if (ignore.rules.length === 0) return tree;
  const states = new Map<string, State | null>();
  const stateOf = (path: string): State | null => {
    if (path === '') return null;
    const known = states.get(path);
    if (known !== undefined) return known;
    const parent = stateOf(parentOf(path));
    const matched: ParentMatch = new Uint8Array(ignore.rules.length);
    const pruned = parent?.pruned === true;
    const excluded = pruned || ignore.excludes(ignore.decide(path, parent?.matched ?? null, matched));
    const state = { excluded, pruned: pruned || (excluded && !ignore.mayReincludeBelow(path)), matched, visible: null };
    states.set(path, state);
    return state;
  };
  const isVisible = (entry: FileEntry): boolean => {
    const state = stateOf(entry.path);
    if (state === null || !state.excluded) return true;
    if (entry.type !== 'dir' || state.pruned) return false;
    state.visible ??= tree.readdir(entry.path).some((name) => {
      const below = tree.lstat(childOf(entry.path, name));
      return below !== null && isVisible(below);
    });
    return state.visible;
  };
  const lstat = (path: string): FileEntry | null => {
    const entry = tree.lstat(path);
    return entry !== null && isVisible(entry) ? entry : null;
  };
  return {
    lstat,
    readdir: (path) => (stateOf(path)?.pruned === true ? [] : tree.readdir(path).filter((name) => lstat(childOf(path, name)) !== null)),
    hostPath: (path) => tree.hostPath(path),
  };
}
