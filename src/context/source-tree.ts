// Port: a tree of files that COPY/ADD can select from. Implementations: the build context (walked
// with .dockerignore), a merged stack of layers, a tar archive.
import type { FileEntry } from '../core/file-entry.ts';

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
  /** Equal for names of one file (hard links), undefined for a file with one name. */
  linkGroup?(path: string): string | undefined;
}
