// The state of what a target reads of local directories: a stamp for each file, and the directories in
// which something could appear that it would read. Two states that are equal build the same.
import { lstatSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { childOf, parentOf, treePath } from '../../context/clean-path.ts';
import { walkSelection } from '../../context/content-key.ts';
import { hasWildcard } from '../../context/go-match.ts';
import { LocalEntry } from '../../context/local-entry.ts';
import type { LocalTree } from '../../context/local-tree.ts';
import { compilePatterns } from '../../context/pattern-matcher.ts';
import { selectSources } from '../../context/select-sources.ts';
import { walkTree } from '../../context/walk-tree.ts';
import { TsbuildError } from '../../core/errors.ts';
import type { FileEntry } from '../../core/file-entry.ts';
import { fsPath } from '../../core/path-bytes.ts';
import type { ReadFiles } from '../affected/first-difference.ts';

export class InputState {
  /** By host path. */
  readonly files = new Map<string, string>();
  readonly directories = new Set<string>();
  readonly #isOutput: (path: string) => boolean;

  /** `isOutput`: paths that builds write to, which would make every build cause the next. */
  constructor(isOutput: (path: string) => boolean) {
    this.#isOutput = isOutput;
  }

  /** A file that is read as such; it need not be there. */
  addFile(path: string): void {
    this.files.set(path, stampOf(path));
    this.addDirectory(dirname(path));
  }

  /** A directory, or what is there of the way to it. */
  addDirectory(path: string): void {
    let at = path;
    while (at !== dirname(at) && stampOf(at) === ABSENT) at = dirname(at);
    this.directories.add(at);
  }

  /** What `reads` select in a context. */
  addReads(tree: LocalTree, reads: readonly ReadFiles[]): void {
    this.addDirectory(tree.root);
    // The context itself may be removed and made anew.
    this.addDirectory(dirname(tree.root));
    for (const files of reads) {
      this.#addWay(tree, files.pattern);
      try {
        const exclude = files.exclude.length === 0 ? undefined : compilePatterns(files.exclude);
        for (const { entry } of walkSelection(tree, selectSources(tree, files.pattern), exclude)) this.#addEntry(tree, entry);
      } catch (error) {
        if (!(error instanceof TsbuildError)) throw error;
        this.files.set(join(tree.root, files.pattern), error.message);
      }
    }
  }

  /** Directories and links down to where the pattern begins to be one, and all directories that it may match in. */
  #addWay(tree: LocalTree, pattern: string): void {
    let at = '';
    for (const part of treePath(pattern).split('/')) {
      if (hasWildcard(part)) {
        const start = tree.lstat(at);
        if (start?.type !== 'dir') return;
        for (const { entry } of walkTree(tree, start)) if (entry.type === 'dir') this.directories.add(hostOf(tree, entry.path));
        return;
      }
      at = childOf(at, part);
      const entry = tree.lstat(at);
      if (entry === null) return;
      if (entry.type === 'symlink') this.#addEntry(tree, entry);
      if (entry.type === 'dir') this.directories.add(hostOf(tree, at));
    }
  }

  #addEntry(tree: LocalTree, entry: FileEntry): void {
    const host = hostOf(tree, entry.path);
    if (this.#isOutput(host)) return;
    this.directories.add(hostOf(tree, entry.type === 'dir' ? entry.path : parentOf(entry.path)));
    const stamp = entry instanceof LocalEntry && entry.type !== 'dir' ? entry.stamp : null;
    const times = stamp === null ? '' : `${stamp.size} ${stamp.mtime} ${stamp.ctime} ${stamp.inode}`;
    this.files.set(host, `${entry.type} ${entry.mode} ${entry.link ?? ''} ${times}`);
  }
}

const hostOf = (tree: LocalTree, path: string): string => (path === '' ? tree.root : join(tree.root, path));

const ABSENT = 'absent';

function stampOf(path: string): string {
  try {
    const { ino, size, mtimeNs, ctimeNs, mode } = lstatSync(fsPath(path), { bigint: true });
    return `${ino} ${size} ${mtimeNs} ${ctimeNs} ${mode}`;
  } catch {
    return ABSENT;
  }
}

/** The first path whose stamp differs, or null. */
export function changedPath(now: InputState, before: InputState): string | null {
  for (const [path, stamp] of now.files) if (before.files.get(path) !== stamp) return path;
  for (const path of before.files.keys()) if (!now.files.has(path)) return path;
  return null;
}
