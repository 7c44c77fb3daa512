// A SourceTree written down in a test: `{ 'a/b': 'text', 'l': ['a'] }` has a file and a link to a.
import { posix } from 'node:path';
import type { SourceTree } from '../../../src/context/source-tree.ts';
import { sha256Hex } from '../../../src/core/digest.ts';
import type { FileEntry } from '../../../src/core/file-entry.ts';
import { comparePaths } from '../../../src/core/path-bytes.ts';

/** A text is a file, a list of one text a link, null a directory. */
export type TreeSpec = Readonly<Record<string, string | readonly [string] | null>>;

export function memoryTree(spec: TreeSpec): SourceTree & { readonly looked: string[] } {
  const entries = new Map<string, FileEntry>();
  const base = { mode: 0o644, uid: 0, gid: 0, size: 0, mtime: 0 };
  const addDir = (path: string): void => {
    if (!entries.has(path)) entries.set(path, { ...base, path, type: 'dir', mode: 0o755 });
    if (path !== '') addDir(posix.dirname(path) === '.' ? '' : posix.dirname(path));
  };
  addDir('');
  for (const [path, value] of Object.entries(spec)) {
    addDir(posix.dirname(path) === '.' ? '' : posix.dirname(path));
    if (value === null) addDir(path);
    else if (typeof value === 'string') entries.set(path, { ...base, path, type: 'file', size: value.length, sha256: sha256Hex(value) });
    else entries.set(path, { ...base, path, type: 'symlink', mode: 0o777, link: value[0] });
  }
  const looked: string[] = [];
  return {
    looked,
    lstat(path) {
      looked.push(path);
      return entries.get(path) ?? null;
    },
    readdir(path) {
      if (entries.get(path)?.type !== 'dir') return [];
      const prefix = path === '' ? '' : `${path}/`;
      const names = [...entries.keys()].filter((key) => key !== '' && key.startsWith(prefix) && !key.slice(prefix.length).includes('/'));
      return names
        .map((key) => key.slice(prefix.length))
        .filter((name) => name !== '')
        .sort(comparePaths);
    },
    hostPath: (path) => `/nowhere/${path}`,
  };
}
