// The entries that a selection of sources brings along, and their content key. Used for the build
// context and for trees made of layers alike; contents must be hashed before a key is taken.
import { contentKeyOfEntries } from '../core/content-digest.ts';
import type { ContentKey } from '../core/digest.ts';
import type { FileEntry } from '../core/file-entry.ts';
import { baseOf, childOf } from './clean-path.ts';
import type { PatternMatcher } from './pattern-matcher.ts';
import type { Selection } from './select-sources.ts';
import type { SourceTree } from './source-tree.ts';
import { walkTree } from './walk-tree.ts';

/** The regular files that a copy of `selection` reads; one may come twice. */
export function* selectedFiles(tree: SourceTree, selection: Selection, exclude?: PatternMatcher): Generator<FileEntry> {
  for (const source of selection.sources) {
    for (const { entry } of walkTree(tree, source.entry, exclude)) if (entry.type === 'file') yield entry;
  }
}

/**
 * Key of what `selection` brings along. The metadata of a selected directory itself is left out: its
 * copy gets its own (C-25). Matches of a wildcard count with their names, a literal source without.
 */
export function contentKeyOfSelection(tree: SourceTree, selection: Selection, exclude?: PatternMatcher): ContentKey {
  return contentKeyOfEntries(selectedEntries(tree, selection, exclude));
}

/** What enters the key, in its order; paths as they count there. */
export function* selectedEntries(tree: SourceTree, selection: Selection, exclude: PatternMatcher | undefined): Generator<FileEntry> {
  for (const { path, entry, top } of walkSelection(tree, selection, exclude)) {
    if (top && entry.type === 'dir') yield { path, type: 'dir', mode: 0, uid: 0, gid: 0, size: 0, mtime: 0 };
    else if (entry.type === 'hardlink') yield { ...linkedFile(tree, entry), path };
    else yield path === entry.path ? entry : { ...entry, path };
  }
}

export interface SelectedEntry {
  /** As it counts in the key. */
  readonly path: string;
  /** Path of the selected source, and below it. */
  readonly source: string;
  readonly relative: string;
  /** With its path in the tree. */
  readonly entry: FileEntry;
  /** The selected source itself. */
  readonly top: boolean;
}

/** What a selection brings along, in the order of its key. */
export function* walkSelection(tree: SourceTree, selection: Selection, exclude: PatternMatcher | undefined): Generator<SelectedEntry> {
  for (const source of selection.sources) {
    const name = selection.wildcard ? baseOf(source.path) : '';
    for (const { entry, relative } of walkTree(tree, source.entry, exclude)) {
      yield { path: relative === '' ? name : childOf(name, relative), source: source.path, relative, entry, top: relative === '' };
    }
  }
}

/** A hard link of a layer with the size and content of the file it names. */
function linkedFile(tree: SourceTree, entry: FileEntry): FileEntry {
  const target = tree.lstat(entry.link ?? '');
  return target?.sha256 === undefined ? entry : { ...entry, size: target.size, sha256: target.sha256 };
}
