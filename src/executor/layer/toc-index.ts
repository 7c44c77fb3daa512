// Lookup structure over one layer's table of contents: what the layer says about a path. Built once
// for a TOC, children lists only when a directory is read.

import type { FileEntry, LayerToc } from '../../core/file-entry.ts';
import { comparePaths } from '../../core/path-bytes.ts';

/** What one layer does at a path. */
export interface LayerNode {
  /** The layer's own entry; absent for a bare whiteout, an opaque marker alone, or a directory only implied by what is in it. */
  entry?: FileEntry;
  /** Lower layers are hidden at this path. */
  whiteout?: true;
  /** Lower layers are hidden below this directory. */
  opaque?: true;
  /** A directory because something lies in it. */
  implied?: true;
}

export class TocIndex {
  readonly #nodes = new Map<string, LayerNode>();
  /** Every name of a hard-linked file → its first name; undefined in the usual layer without hard links. */
  readonly #firstNames: ReadonlyMap<string, string> | undefined;
  #children: Map<string, string[]> | undefined;

  constructor(toc: LayerToc) {
    let lastParent = '';
    let firstNames: Map<string, string> | undefined;
    for (const entry of toc.entries) {
      if (entry.type === 'hardlink') {
        firstNames ??= new Map();
        const link = entry.link ?? '';
        const first = firstNames.get(link) ?? link;
        firstNames.set(link, first).set(entry.path, first);
      }
      const node = this.#nodeAt(entry.path);
      if (entry.type === 'whiteout') node.whiteout = true;
      else if (entry.type === 'opaque') node.opaque = true;
      else node.entry = entry;
      // Entries of one directory follow each other, so most parents are the one just seen.
      const parent = parentOf(entry.path);
      if (entry.type === 'whiteout' || parent === lastParent) continue;
      lastParent = parent;
      this.#imply(parent);
    }
    this.#firstNames = firstNames;
  }

  /** First name of the file that `path` is a hard link to or is linked from, else undefined. */
  firstName(path: string): string | undefined {
    return this.#firstNames?.get(path);
  }

  get(path: string): LayerNode | undefined {
    return this.#nodes.get(path);
  }

  /** Base names that the layer mentions in `dir`, whiteouts included, unordered. */
  children(dir: string): readonly string[] {
    this.#children ??= this.#listChildren();
    return this.#children.get(dir) ?? [];
  }

  #nodeAt(path: string): LayerNode {
    let node = this.#nodes.get(path);
    if (node === undefined) {
      node = {};
      this.#nodes.set(path, node);
    }
    return node;
  }

  #imply(dir: string): void {
    for (let path = dir; path !== ''; path = parentOf(path)) {
      const node = this.#nodes.get(path);
      if (node?.entry !== undefined || node?.implied === true) return;
      this.#nodeAt(path).implied = true;
    }
  }

  #listChildren(): Map<string, string[]> {
    const lists = new Map<string, string[]>();
    for (const path of this.#nodes.keys()) {
      if (path === '') continue;
      const parent = parentOf(path);
      const list = lists.get(parent);
      const name = path.slice(parent === '' ? 0 : parent.length + 1);
      if (list === undefined) lists.set(parent, [name]);
      else list.push(name);
    }
    return lists;
  }
}

export function parentOf(path: string): string {
  const slash = path.lastIndexOf('/');
  return slash === -1 ? '' : path.slice(0, slash);
}

export const byteOrder = (names: Iterable<string>): string[] => [...names].sort(comparePaths);
