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
}
