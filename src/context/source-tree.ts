// Port: a tree of files that COPY/ADD can select from. Implementations: the build context (walked
// with .dockerignore), a merged stack of layers, a tar archive.
import type { FileEntry } from '../core/file-entry.ts';
import { childOf } from './clean-path.ts';

export interface SourceTree {
  /** Entry at `path` without following a final symlink, or null. The root is ''. */
  lstat(path: string): FileEntry | null;
  /** Names in a directory in byte order; [] for anything else. */
  readdir(path: string): readonly string[];
  /** Absolute host path of a regular file's content. */
  hostPath(path: string): string;
  /** What the tree is, for messages: `the build context`, `stage "build"`. */
  readonly label?: string;
  /** Why a name that exists is not in the tree, as a sentence part (`line 3 of .dockerignore: "*.log"`), or null. */
  hiddenBy?(path: string): string | null;
  /** Equal for names of one file (hard links), undefined for a file with one name. `entry` is one of this tree. */
  linkGroup?(entry: FileEntry): string | undefined;
  /** What `readdir` and then `lstat` of each name give, for trees that have it at hand. */
  entries?(path: string): readonly FileEntry[];
}

/** Everything in the directory `path`, in byte order; as lazily as the tree allows. */
export function entriesOf(tree: SourceTree, path: string): Iterator<FileEntry> {
  return tree.entries?.(path).values() ?? lookUp(tree, path);
}

function* lookUp(tree: SourceTree, path: string): Generator<FileEntry> {
  for (const name of tree.readdir(path)) {
    const entry = tree.lstat(childOf(path, name));
    if (entry !== null) yield entry;
  }
}
