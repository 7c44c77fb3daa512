// A stage or image as a source of copies: its entries from the tables of contents, its bytes from the
// unpacked layers. Content is read at its own path below the layer that carries it, never through links.
import { join } from 'node:path';
import type { SourceTree } from '../../context/source-tree.ts';
import type { FileEntry, LayerToc } from '../../core/file-entry.ts';
import type { SnapshotStack } from '../executor.ts';
import { MergedTree } from '../layer/merged-tree.ts';

/** `root` is the store; `stack` and `tocs` are base first and equally long. */
export function snapshotTree(root: string, stack: SnapshotStack, tocs: readonly LayerToc[], label?: string): SourceTree {
  return new SnapshotTree(
    stack.map((id) => join(root, 'snapshots-v1', id, 'fs')),
    tocs,
    label,
  );
}

class SnapshotTree implements SourceTree {
  readonly label: string;
  readonly #merged: MergedTree;
  /** Directory of a layer → path → first name of the file; only layers that have hard links. */
  readonly #links = new Map<string, ReadonlyMap<string, string>>();

  constructor(roots: readonly string[], tocs: readonly LayerToc[], label = 'the stage or image') {
    this.label = label;
    this.#merged = new MergedTree(tocs, roots);
    for (const [at, toc] of tocs.entries()) {
      const links = linksOf(toc);
      if (links.size > 0) this.#links.set(roots[at] ?? '', links);
    }
  }

  lstat(path: string): FileEntry | null {
    return this.#merged.lstat(path);
  }

  readdir(path: string): readonly string[] {
    return this.#merged.readdir(path);
  }

  hostPath(path: string): string {
    return this.#merged.hostPath(path);
  }

  linkGroup(path: string): string | undefined {
    if (this.#links.size === 0) return undefined;
    const layer = this.#merged.hostPath(path).slice(0, -path.length - 1);
    const first = this.#links.get(layer)?.get(path);
    return first === undefined ? undefined : `${layer}:${first}`;
  }
}

/** Both names of every hard link → the first name. A link to another layer's file counts as a file of its own there. */
function linksOf(toc: LayerToc): ReadonlyMap<string, string> {
  const links = new Map<string, string>();
  for (const entry of toc.entries) {
    if (entry.type !== 'hardlink' || entry.link === undefined) continue;
    const first = links.get(entry.link) ?? entry.link;
    links.set(entry.link, first);
    links.set(entry.path, first);
  }
  return links;
}
