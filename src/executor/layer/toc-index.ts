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
  /** Of a hard link: the file of this layer that it named when it came. */
  linked?: FileEntry | undefined;
  /** A directory because something lies in it. */
  implied?: true;
}

/** Which names are one file, entry by entry: a name that comes again leaves its file to the other names. */
class LayerLinks {
  readonly firstNames = new Map<string, string>();
  readonly #replaced = new Set<string>();

  add({ path, link = '' }: FileEntry, nodes: ReadonlyMap<string, LayerNode>): this {
    const [node, target] = [nodes.get(path), nodes.get(link)];
    if (node !== undefined) node.linked = target?.entry?.type === 'hardlink' ? target.linked : target?.entry;
    // The old file may still go by this name.
    const first = this.firstNames.get(link) ?? (this.#replaced.has(link) ? `${link}\0${path}` : link);
    this.firstNames.set(link, first).set(path, first);
    return this;
  }

  replace(path: string, node: LayerNode): void {
    node.linked = undefined;
    if (this.firstNames.delete(path)) this.#replaced.add(path);
  }
}

export class TocIndex {
  readonly #nodes = new Map<string, LayerNode>();
  /** Every name of a hard-linked file → its first name; undefined in the usual layer without hard links. */
  readonly #firstNames: ReadonlyMap<string, string> | undefined;
  #children: Map<string, string[]> | undefined;

  constructor(toc: LayerToc) {
    let lastParent = '';
    let links: LayerLinks | undefined;
    for (const entry of toc.entries) {
      const node = this.#nodeAt(entry.path);
      if (entry.type === 'whiteout') node.whiteout = true;
      else if (entry.type === 'opaque') node.opaque = true;
      else {
        node.entry = entry;
        if (entry.type === 'hardlink') links = (links ?? new LayerLinks()).add(entry, this.#nodes);
        else links?.replace(entry.path, node);
      }
      // Entries of one directory follow each other, so most parents are the one just seen.
      const parent = parentOf(entry.path);
      if (entry.type === 'whiteout' || parent === lastParent) continue;
      lastParent = parent;
      this.#imply(parent);
    }
    this.#firstNames = links?.firstNames;
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
