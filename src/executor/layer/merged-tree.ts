// The tree that a stack of layers shows, answered from their tables of contents: whiteouts and opaque
// directories applied, nothing unpacked. Each TOC is indexed once, also when many stacks share it.
import { join } from 'node:path';
import type { SourceTree } from '../../context/source-tree.ts';
import { InvariantError } from '../../core/errors.ts';
import type { FileEntry, LayerToc } from '../../core/file-entry.ts';
import { byteOrder, parentOf, TocIndex } from './toc-index.ts';
import type { UnlistedNames } from './unlisted.ts';

/** A memo, not state: the index of a TOC is a function of the TOC. */
const indexes = new WeakMap<LayerToc, TocIndex>();

function indexOf(toc: LayerToc): TocIndex {
  let index = indexes.get(toc);
  if (index === undefined) {
    index = new TocIndex(toc);
    indexes.set(toc, index);
  }
  return index;
}

const MAX_LINKS = 40;
/** A directory that no layer describes, as containerd makes them. */
const impliedDir = (path: string): FileEntry => ({ path, type: 'dir', mode: 0o755, uid: 0, gid: 0, size: 0, mtime: 0 });

interface Found {
  readonly entry: FileEntry;
  /** Number of the layer that carries the entry. */
  readonly layer: number;
}

export class MergedTree implements SourceTree {
  readonly #tocs: readonly LayerToc[];
  readonly #layers: readonly TocIndex[];
  readonly #roots: readonly string[];
  readonly #unlisted: readonly (UnlistedNames | null)[];
  /** Directory → lowest layer that still shows in it; layers.length when it is no directory. */
  readonly #floors = new Map<string, number>();

  /**
   * `tocs` base first. `roots` are the snapshot directories of the same layers, needed by `hostPath`
   * only: each file's content lies at its own path below the directory of the layer that carries it.
   * With `below` the layers are those of that tree and `tocs` above them. `unlisted` is of the snapshots, too.
   */
  constructor(
    tocs: readonly LayerToc[],
    roots: readonly string[] = [],
    { below, unlisted = [] }: { readonly below?: MergedTree; readonly unlisted?: readonly (UnlistedNames | null)[] } = {},
  ) {
    this.#tocs = below === undefined ? tocs : [...below.#tocs, ...tocs];
    this.#layers = [...(below === undefined ? [] : below.#layers), ...tocs.map(indexOf)];
    this.#roots = roots;
    this.#unlisted = unlisted;
  }

  /** Hard links are shown as what they link to, under their own path. */
  lstat(path: string): FileEntry | null {
    return this.#find(path)?.entry ?? null;
  }

  readdir(path: string): readonly string[] {
    if (this.lstat(path)?.type !== 'dir') return [];
    const names = new Set<string>();
    for (let layer = this.#floor(path); layer < this.#layers.length; layer++) {
      for (const name of this.#layers[layer]?.children(path) ?? []) names.add(name);
    }
    const prefix = path === '' ? '' : `${path}/`;
    return byteOrder([...names].filter((name) => this.#find(prefix + name) !== null));
  }

  hostPath(path: string): string {
    const found = this.#find(path);
    const root = found === null ? undefined : this.#roots[found.layer];
    if (root === undefined) throw new InvariantError(`no snapshot holds ${JSON.stringify(path)}`);
    return join(root, path);
  }

  /** Names are of one file by the highest layer that speaks of their links, as the snapshots show it: a copied-up name leaves those below. */
  linkGroup({ path }: FileEntry): string | undefined {
    const found = this.#find(path);
    if (found?.entry.type !== 'file') return undefined;
    for (let layer = this.#layers.length - 1; layer >= found.layer; layer--) {
      const first = this.#unlisted[layer]?.firstName(path) ?? this.#layers[layer]?.firstName(path);
      if (first !== undefined) return `${layer}:${first}`;
    }
    return undefined;
  }

  /**
   * Text of a passwd or group file, links followed inside the tree; null when there is none, when it is
   * no regular file, 1 MiB or larger, or when a link leads to a file of another name.
   */
  readIdentityFile(path: string): string | null {
    const real = this.realPath(path);
    const found = real === null ? null : this.#find(real);
    if (found === null || found.entry.type !== 'file') return null;
    const files = this.#tocs[found.layer]?.identityFiles;
    const own = this.#layers[found.layer]?.get(found.entry.path)?.entry;
    const name = own?.type === 'hardlink' ? (own.link ?? '') : found.entry.path;
    return files !== undefined && Object.hasOwn(files, name) ? (files[name] ?? null) : null;
  }

  /** `path` with all symbolic links followed inside the tree (`..` stops at the root); null when it leads nowhere or in circles. */
  realPath(path: string): string | null {
    let done = '';
    const rest = path.split('/').reverse();
    for (let hops = 0; rest.length > 0; ) {
      const name = rest.pop() ?? '';
      if (name === '' || name === '.') continue;
      if (name === '..') {
        done = parentOf(done);
        continue;
      }
      const here = done === '' ? name : `${done}/${name}`;
      const entry = this.lstat(here);
      if (entry === null) return null;
      if (entry.type === 'symlink') {
        if (++hops > MAX_LINKS) return null;
        const link = entry.link ?? '';
        if (link.startsWith('/')) done = '';
        rest.push(...link.split('/').reverse());
      } else done = here;
    }
    return done;
  }

  #find(path: string): Found | null {
    if (path === '') return this.#findRoot();
    const floor = this.#floor(parentOf(path));
    let implied = false;
    let top = -1;
    for (let layer = this.#layers.length - 1; layer >= floor; layer--) {
      const node = this.#layers[layer]?.get(path);
      if (node === undefined) continue;
      if (node.entry !== undefined) {
        // An implied directory above takes the metadata of a lower directory, but replaces anything else.
        if (implied && node.entry.type !== 'dir') break;
        if (node.entry.type === 'dir') return { entry: this.#withTime(node.entry, layer), layer };
        return this.#resolveHardLink(node.entry, path, layer);
      }
      if (node.implied === true) {
        implied = true;
        top = Math.max(top, layer);
      }
      if (node.whiteout === true) break;
    }
    return implied ? { entry: impliedDir(path), layer: top } : null;
  }

  /** A directory of `layer` with the time that steps above gave it. */
  #withTime(entry: FileEntry, layer: number): FileEntry {
    for (let above = this.#unlisted.length - 1; above > layer; above--) {
      const mtime = this.#unlisted[above]?.timeOf(entry.path);
      if (mtime !== undefined) return { ...entry, mtime };
    }
    return entry;
  }

  #findRoot(): Found {
    for (let layer = this.#layers.length - 1; layer >= 0; layer--) {
      const entry = this.#layers[layer]?.get('')?.entry;
      if (entry?.type === 'dir') return { entry, layer };
    }
    return { entry: impliedDir(''), layer: 0 };
  }

  /** A hard link names an earlier entry of its layer, in odd images one of a lower layer. */
  #resolveHardLink(entry: FileEntry, path: string, layer: number): Found | null {
    let target = this.#layers[layer]?.get(entry.path)?.linked ?? entry;
    for (let hops = 0; target.type === 'hardlink'; hops++) {
      if (hops > MAX_LINKS) return null;
      const link = target.link ?? '';
      const next = this.#layers[layer]?.get(link)?.entry ?? (layer > 0 ? this.#below(layer).lstat(link) : null);
      if (next === null || next === undefined) return null;
      target = next;
    }
    return { entry: target === entry ? entry : { ...target, path }, layer };
  }

  #below(layer: number): MergedTree {
    return new MergedTree(this.#tocs.slice(0, layer), this.#roots.slice(0, layer));
  }

  #floor(dir: string): number {
    const known = this.#floors.get(dir);
    if (known !== undefined) return known;
    const parentFloor = dir === '' ? 0 : this.#floor(parentOf(dir));
    let floor = parentFloor;
    for (let layer = this.#layers.length - 1; layer >= parentFloor; layer--) {
      const node = this.#layers[layer]?.get(dir);
      if (node === undefined) continue;
      if (node.entry !== undefined && node.entry.type !== 'dir') {
        // Hides everything below, its own layer included.
        floor = layer + 1;
        break;
      }
      if (node.opaque === true || node.whiteout === true) {
        floor = layer;
        break;
      }
    }
    this.#floors.set(dir, floor);
    return floor;
  }
}
