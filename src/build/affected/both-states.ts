// One directory in two states: as it is in the work tree, and as the commit has it.
import { realpathSync } from 'node:fs';
import { isAbsolute, relative } from 'node:path';
import { openLocalTree } from '../../context/local-tree.ts';
import { resolveInTree } from '../../context/resolve-path.ts';
import { errnoOf } from '../../core/errors.ts';
import { fsPath, pathFromBytes } from '../../core/path-bytes.ts';
import type { RefFile } from './ref-listing.ts';
import { type RefTree, within } from './ref-tree.ts';

export interface BothStates {
  /** Absolute, without links. */
  readonly path: string;
  /** Below the top of the work tree, where the commit has it. */
  readonly directory: string;
}

/** `path` below `top`, or null when it is elsewhere. Links are not looked at. */
export function belowTop(top: string, path: string): string | null {
  const below = relative(top, path);
  return below === '..' || below.startsWith('../') || isAbsolute(below) ? null : below;
}

/** Without links; null when there is nothing. */
export function realPath(path: string): string | null {
  try {
    return pathFromBytes(realpathSync(fsPath(path), { encoding: 'buffer' }));
  } catch (error) {
    if (errnoOf(error) === undefined) throw error;
    return null;
  }
}

/** The absolute path in both states, or which of them lacks it. */
export function inBothStates(ref: RefTree, top: string, path: string): BothStates | 'missing' | 'outside' | 'new' {
  const real = realPath(path);
  if (real === null) return 'missing';
  const now = belowTop(top, real);
  if (now === null) return 'outside';
  // Links are followed as the commit has them.
  const found = resolveInTree(ref.root, belowTop(top, path) ?? now);
  return found.entry?.type === 'dir' ? { path: real, directory: found.path } : 'new';
}

/** The regular file `name` of a directory, links followed inside of it as for Dockerfiles; null when it is not there now. */
export function fileInBoth(
  ref: RefTree,
  states: BothStates,
  name: string,
): { readonly now: string | null; readonly before: RefFile | null } {
  const tree = openLocalTree(states.path);
  const found = resolveInTree(tree, name);
  const folder = ref.directory(states.directory);
  const earlier = folder === null ? null : resolveInTree(folder, name);
  return {
    now: found.entry?.type === 'file' ? tree.hostPath(found.path) : null,
    before: earlier?.entry?.type === 'file' ? (ref.listing.files.get(within(states.directory, earlier.path)) ?? null) : null,
  };
}
