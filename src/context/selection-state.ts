// What a selection of directories looks like without reading a file: everything on disk that its content key
// depends on, as one digest. While that stays the same, so does the key, and no file needs an object.
import { createHash } from 'node:crypto';
import { canonicalJson } from '../core/canonical.ts';
import { CONTENT_KEY_VERSION } from '../core/content-digest.ts';
import { baseOf } from './clean-path.ts';
import type { LocalTree } from './local-tree.ts';
import { type DirectoryStats, isDirectory, STAMP_NUMBERS } from './read-directory.ts';
import type { Selection } from './select-sources.ts';

export interface SelectionState {
  /** Hex. */
  readonly digest: string;
  /** By path. */
  readonly directories: ReadonlyMap<string, DirectoryStats>;
}

/** Smaller selections are looked at as quickly file by file. */
const FEWEST_FILES = 2000;

/** Null for a selection that is small, is not made of directories, or whose tree was unpacked for this build. */
export async function stateOfSelection(tree: LocalTree, { wildcard, sources }: Selection): Promise<SelectionState | null> {
  if (!sources.every(({ entry }) => entry.type === 'dir')) return null;
  const hash = createHash('sha256');
  hash.update(canonicalJson([CONTENT_KEY_VERSION, tree.root, tree.rules.map(({ pattern }) => pattern)]));
  const directories = new Map<string, DirectoryStats>();
  let files = 0;
  for (const { path, entry } of sources) {
    const surveyed = await tree.survey(entry.path);
    if (surveyed === null) return null;
    hash.update(canonicalJson([wildcard ? baseOf(path) : '', entry.path, surveyed.size]));
    for (const [below, stats] of surveyed) {
      directories.set(below, stats);
      files += stats.names.length;
      const names = stats.names.join('/');
      // Not as UTF-8, in which names that are not text would fall together.
      hash.update(Buffer.from(`${below.length} ${names.length} ${below}${names}`, 'utf16le'));
      hash.update(stats.modes);
      hash.update(stampsThatCount(stats));
    }
  }
  return files < FEWEST_FILES ? null : { digest: hash.digest('hex'), directories };
}

/**
 * Whether `state` tells what the files of `tree`, which are hashed by now, look like for as long as it stays the
 * same: no file changed since it was taken, or so shortly before that it could change again within one tick of
 * the file system's clock. `settled` is the latest change (nanoseconds) that is early enough.
 */
export function isLasting(tree: LocalTree, state: SelectionState, settled: bigint): boolean {
  for (const [path, stats] of state.directories) {
    for (const [at, mode] of stats.modes.entries()) {
      if (!isDirectory(mode) && (stats.stamps[at * STAMP_NUMBERS + 2] ?? 0n) >= settled) return false;
    }
    if (!tree.lookedLike(path, stats)) return false;
  }
  return true;
}

/** Of a directory only its name and mode count: what it holds speaks for itself. */
function stampsThatCount({ stamps, modes }: DirectoryStats): BigInt64Array {
  if (!modes.some(isDirectory)) return stamps;
  const counting = stamps.slice();
  for (const [at, mode] of modes.entries()) if (isDirectory(mode)) counting.fill(0n, at * STAMP_NUMBERS, (at + 1) * STAMP_NUMBERS);
  return counting;
}
