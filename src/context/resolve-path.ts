// Follows a path inside a tree: symbolic links are resolved against the tree's root and nothing
// ever leads out of it (C-02, C-08). Works on entries only, so it cannot be raced.
import { TsbuildError } from '../core/errors.ts';
import type { FileEntry } from '../core/file-entry.ts';
import { childOf, treePath } from './clean-path.ts';
import type { SourceTree } from './source-tree.ts';

/** Docker's limit. */
const MAX_LINKS = 255;

export interface Resolved {
  /** Path without links, as far as it exists; what does not exist is appended as written. */
  readonly path: string;
  /** What is there, or null. */
  readonly entry: FileEntry | null;
  /** First path that is missing (or is no directory although more follows); '' when `entry` is set. */
  readonly missing: string;
}

/**
 * Resolves `path` with every link followed, the last component's too unless `followLast` is false.
 * `..` never climbs above the root, in the path as in link texts. Throws context/too-many-links.
 */
export function resolveInTree(tree: SourceTree, path: string, followLast = true): Resolved {
  let rest = components(path);
  let done = '';
  let links = 0;
  for (;;) {
    const [name, ...later] = rest;
    if (name === undefined) return { path: done, entry: tree.lstat(done), missing: '' };
    const at = childOf(done, name);
    const entry = tree.lstat(at);
    if (entry?.type === 'symlink' && (followLast || later.length > 0)) {
      links += 1;
      if (links > MAX_LINKS) throw tooManyLinks(path);
      const text = entry.link ?? '';
      rest = [...components(text.startsWith('/') ? text : `${done}/${text}`), ...later];
      done = '';
    } else if (entry === null || (later.length > 0 && entry.type !== 'dir')) {
      return { path: [at, ...later].join('/'), entry: null, missing: entry === null ? at : childOf(at, later[0] ?? '') };
    } else {
      done = at;
      rest = later;
    }
  }
}

const components = (path: string): string[] =>
  treePath(path)
    .split('/')
    .filter((part) => part !== '');

const tooManyLinks = (path: string): TsbuildError =>
  new TsbuildError({
    code: 'context/too-many-links',
    message: `too many symbolic links in ${JSON.stringify(path)}`,
    hint: 'Check for links that point at each other.',
    data: { path },
  });
