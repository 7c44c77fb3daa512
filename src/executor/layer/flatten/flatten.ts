// The tree that a stack of layers shows, as a stream: who survives is decided from the tables of
// contents, file bytes then pass once, layer by layer, and nothing is unpacked. Serves type=tar, type=local and
// single files of a base; needs no namespaces.
import type { BlobStore } from '../../../cache/blob-store.ts';
import type { Descriptor } from '../../../core/descriptor.ts';
import type { FileEntry, LayerToc } from '../../../core/file-entry.ts';
import { decompressLayer } from '../compression/decompress.ts';
import { MergedTree } from '../merged-tree.ts';
import { badLayer } from '../tar/tar-format.ts';
import { readTar } from '../tar/tar-read.ts';
import { LayerNames } from '../unpack/layer-names.ts';

/** A layer with its table of contents, base first in lists. */
export interface FlatLayer {
  readonly blob: Descriptor;
  readonly toc: LayerToc;
}

/** A file of the tree and its other names. */
export interface FlatFile {
  readonly entry: FileEntry;
  /** Entries of type 'hardlink' to `entry.path`. */
  readonly links: readonly FileEntry[];
}

export interface FlatTree {
  /** Everything without content, in walk order, so a directory comes before what is in it. The root is left out. */
  readonly nodes: readonly FileEntry[];
  /** By layer: path of the content in that layer → the file it has become. */
  readonly files: readonly ReadonlyMap<string, FlatFile>[];
}

/** One image to flatten. */
export interface RootfsTree {
  readonly layers: readonly FlatLayer[];
  /** Directory that everything goes into, one component: `linux_amd64` when outputs are split by platform. */
  readonly prefix?: string;
  /** For the message when two trees hold the same file. */
  readonly platform?: string;
}

interface Place {
  readonly layer: number;
  readonly path: string;
}

const MAX_LINKS = 40;

export function planFlatTree(tocs: readonly LayerToc[]): FlatTree {
  const finder = new ContentFinder(tocs);
  const nodes: FileEntry[] = [];
  const groups = tocs.map(() => new Map<string, FileEntry[]>());
  // A stack instead of recursion: a hostile layer can nest directories deeper than the call stack.
  for (const pending = ['']; pending.length > 0; ) {
    const path = pending.pop() ?? '';
    const entry = finder.tree.lstat(path);
    if (entry === null) continue;
    if (path !== '') checkName(path);
    if (entry.type === 'file') {
      const place = finder.placeOf(path);
      const group = groups[place.layer]?.get(place.path);
      if (group === undefined) groups[place.layer]?.set(place.path, [{ ...entry, path }]);
      else group.push({ ...entry, path });
      continue;
    }
    if (path !== '') nodes.push({ ...entry, path });
    if (entry.type !== 'dir') continue;
    for (const name of finder.tree.readdir(path).toReversed()) pending.push(path === '' ? name : `${path}/${name}`);
  }
  return { nodes, files: groups.map((group) => new Map([...group].map(([path, entries]) => [path, fileOf(entries)]))) };
}

/** The first name in walk order is the file, as in BuildKit's exporters. */
function fileOf(entries: readonly FileEntry[]): FlatFile {
  const [entry, ...others] = entries as [FileEntry, ...FileEntry[]];
  const links = others.map((other): FileEntry => {
    const { sha256: _, xattrs: __, ...rest } = other;
    return { ...rest, type: 'hardlink', size: 0, link: entry.path };
  });
  return { entry, links };
}

/** Tables of contents hold clean names; this is the last gate before a name meets a file system. */
function checkName(path: string): void {
  const name = path.slice(path.lastIndexOf('/') + 1);
  if (name === '' || name === '.' || name === '..' || name.includes('\0')) {
    throw badLayer(`the name ${JSON.stringify(path.slice(0, 200))} leads out of the tree`);
  }
}

/** Where the bytes behind a path are: hard links followed, also into lower layers. */
class ContentFinder {
  readonly tree: MergedTree;
  readonly #tocs: readonly LayerToc[];
  /** By layer: hard link → what it names. */
  readonly #links: readonly ReadonlyMap<string, string>[];
  readonly #names: readonly ReadonlySet<string>[];
  readonly #below = new Map<number, MergedTree>();

  constructor(tocs: readonly LayerToc[]) {
    this.#tocs = tocs;
    this.tree = treeOf(tocs);
    this.#links = tocs.map(linksOf);
    this.#names = tocs.map(
      (toc) => new Set(toc.entries.filter((entry) => entry.type !== 'whiteout' && entry.type !== 'opaque').map((entry) => entry.path)),
    );
  }

  placeOf(path: string): Place {
    let layer = layerOf(this.tree, path);
    let at = path;
    for (let hops = 0; hops <= MAX_LINKS; hops++) {
      const link = this.#links[layer]?.get(at);
      if (link === undefined) return { layer, path: at };
      at = link;
      if (this.#names[layer]?.has(link) === true) continue;
      layer = layerOf(this.#lower(layer), link);
    }
    throw badLayer(`too many hard links at ${JSON.stringify(path)}`);
  }

  #lower(layer: number): MergedTree {
    let tree = this.#below.get(layer);
    if (tree === undefined) {
      tree = treeOf(this.#tocs.slice(0, layer));
      this.#below.set(layer, tree);
    }
    return tree;
  }
}

/** A tree whose host paths begin with the number of the layer. */
const treeOf = (tocs: readonly LayerToc[]): MergedTree =>
  new MergedTree(
    tocs,
    tocs.map((_, index) => String(index)),
  );
const layerOf = (tree: MergedTree, path: string): number => Number.parseInt(tree.hostPath(path), 10);

/** The last entry of a path counts. */
function linksOf(toc: LayerToc): Map<string, string> {
  const links = new Map<string, string>();
  for (const entry of toc.entries) {
    if (entry.type === 'hardlink') links.set(entry.path, entry.link ?? '');
    else if (links.size > 0 && entry.type !== 'whiteout' && entry.type !== 'opaque') links.delete(entry.path);
  }
  return links;
}

export interface FlatContent extends FlatFile {
  /** Chunks are valid until the next is asked for. */
  readonly content: AsyncIterable<Uint8Array>;
}

/** The surviving files with their bytes, by layer in tar order. Layers that have none are not read. */
export async function* readFlatFiles(tree: FlatTree, layers: readonly FlatLayer[], store: BlobStore): AsyncGenerator<FlatContent> {
  for (const [index, layer] of layers.entries()) {
    const wanted = tree.files[index];
    if (wanted !== undefined && wanted.size > 0) yield* readLayerFiles(wanted, layer, store);
  }
}

/** The files of a tree at `paths`, hard links followed; layers that hold none of them are not read. */
export async function* readTreeFiles(
  paths: readonly string[],
  layers: readonly FlatLayer[],
  store: BlobStore,
): AsyncGenerator<Pick<FlatContent, 'content'> & { readonly path: string }> {
  const finder = new ContentFinder(layers.map(({ toc }) => toc));
  let left = paths;
  while (left.length > 0) {
    const files = layers.map(() => new Map<string, FlatFile>());
    const again: string[] = [];
    for (const path of left) {
      const place = finder.placeOf(path);
      const entry = finder.tree.lstat(path);
      const wanted = files[place.layer];
      // Two names of one file: its content passes once more for the second.
      if (wanted?.has(place.path) === true) again.push(path);
      else if (entry !== null) wanted?.set(place.path, { entry: { ...entry, path }, links: [] });
    }
    for await (const { entry, content } of readFlatFiles({ nodes: [], files }, layers, store)) yield { path: entry.path, content };
    left = again;
  }
}

async function* readLayerFiles(wanted: ReadonlyMap<string, FlatFile>, layer: FlatLayer, store: BlobStore): AsyncGenerator<FlatContent> {
  const repeats = repeatedPaths(layer.toc);
  const names = new LayerNames();
  let found = 0;
  for await (const { entry: raw, content } of readTar(decompressLayer(store.open(layer.blob.digest), layer.blob.mediaType))) {
    const entry = names.resolve(raw);
    if (entry.type === 'whiteout' || entry.type === 'opaque') continue;
    const left = repeats.get(entry.path) ?? 0;
    if (left > 0) {
      repeats.set(entry.path, left - 1);
      continue;
    }
    const file = entry.type === 'file' ? wanted.get(entry.path) : undefined;
    if (file === undefined) continue;
    if (entry.size !== file.entry.size) throw badLayer(`${JSON.stringify(entry.path)} differs from the table of contents`);
    found++;
    yield { ...file, content };
  }
  if (found !== wanted.size) throw badLayer('it lacks files that its table of contents lists', { digest: layer.blob.digest });
}

/** Paths that occur more than once in the layer → how many times before the last, which counts. */
function repeatedPaths(toc: LayerToc): Map<string, number> {
  const seen = new Set<string>();
  const repeats = new Map<string, number>();
  for (const { path, type } of toc.entries) {
    if (type === 'whiteout' || type === 'opaque') continue;
    if (seen.has(path)) repeats.set(path, (repeats.get(path) ?? 0) + 1);
    else seen.add(path);
  }
  return repeats;
}
