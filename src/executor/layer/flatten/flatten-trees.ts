// Several images that go to one place: split into a directory for each platform, or merged, in which
// case no two may hold the same file.
import { TsbuildError } from '../../../core/errors.ts';
import type { FileEntry } from '../../../core/file-entry.ts';
import { type FlatLayer, type FlatTree, planFlatTree, type RootfsTree } from './flatten.ts';

export interface PlannedTree {
  readonly layers: readonly FlatLayer[];
  readonly tree: FlatTree;
}

/** Plans all trees that go to one place; a file that two of them have is the error 'image/output-conflict'. */
export function planTrees(trees: readonly RootfsTree[]): PlannedTree[] {
  const planned = trees.map(({ layers, prefix }) => ({
    layers,
    tree: prefixTree(planFlatTree(layers.map((layer) => layer.toc)), prefix),
  }));
  const owners = new Map<string, string>();
  for (const [index, { tree }] of planned.entries()) {
    const platform = trees[index]?.platform ?? `image ${index + 1}`;
    for (const { path, type } of entriesOf(tree)) {
      if (type === 'dir') continue;
      const other = owners.get(path);
      if (other !== undefined) throw conflict(path, other, platform);
      owners.set(path, platform);
    }
  }
  return planned;
}

const conflict = (path: string, first: string, second: string): TsbuildError =>
  new TsbuildError({
    code: 'image/output-conflict',
    message: `cannot overwrite ${path} from ${first} with ${second}`,
    hint: 'leave platform-split on, so that each platform gets a directory of its own',
    data: { path },
  });

/** As in BuildKit, the directory of a platform is made with mode 0755 and time 0. */
function prefixTree(tree: FlatTree, prefix: string | undefined): FlatTree {
  if (prefix === undefined) return tree;
  const move = (entry: FileEntry): FileEntry => ({
    ...entry,
    path: `${prefix}/${entry.path}`,
    ...(entry.type === 'hardlink' ? { link: `${prefix}/${entry.link ?? ''}` } : {}),
  });
  const top: FileEntry = { path: prefix, type: 'dir', mode: 0o755, uid: 0, gid: 0, size: 0, mtime: 0 };
  return {
    nodes: [top, ...tree.nodes.map(move)],
    files: tree.files.map(
      (files) => new Map([...files].map(([path, { entry, links }]) => [path, { entry: move(entry), links: links.map(move) }])),
    ),
  };
}

export const entriesOf = (tree: FlatTree): FileEntry[] => [
  ...tree.nodes,
  ...tree.files.flatMap((files) => [...files.values()].flatMap((file) => [file.entry, ...file.links])),
];
