// File trees that vertices read from: the context, named contexts, other stages and images.
import type { SourceTree } from '../../context/source-tree.ts';
import type { ContentKey, DiffId } from '../../core/digest.ts';
import type { MountSource, SnapshotStack, StackRef } from '../../executor/executor.ts';
import type { MergedTree } from '../../executor/layer/merged-tree.ts';
import type { CopyOp } from '../../graph/op.ts';
import type { Vertex, VertexId } from '../../graph/vertex.ts';
import type { BuildInputs } from '../build-inputs.ts';
import type { RemoteSources } from '../remote/remote-sources.ts';
import type { Session } from '../session.ts';
import { type FileListing, listSelection } from './file-listing.ts';
import { chainOf, layerOf, type Rootfs } from './layer.ts';
import { mergedTree, tocsOf } from './layer-toc.ts';
import type { SelectionContents } from './selection-content.ts';
import type { Selection } from './selections.ts';
import { materialize } from './snapshots.ts';

export interface TreeSolver {
  solve(id: VertexId): Promise<Rootfs>;
  vertex(id: VertexId): Vertex;
}

export interface TreesOptions {
  readonly session: Session;
  readonly inputs: BuildInputs;
  readonly remotes: RemoteSources;
  readonly contents: SelectionContents;
  readonly solver: TreeSolver;
}

export class Trees {
  readonly #session: Session;
  readonly #inputs: BuildInputs;
  readonly #solver: TreeSolver;
  readonly #merged = new Map<VertexId, Promise<MergedTree>>();
  readonly #contents: SelectionContents;
  readonly #remotes: RemoteSources;
  readonly #owned = new Map<string, Promise<SnapshotStack>>();

  constructor({ session, inputs, remotes, contents, solver }: TreesOptions) {
    this.#session = session;
    this.#inputs = inputs;
    this.#remotes = remotes;
    this.#contents = contents;
    this.#solver = solver;
  }

  async content(selection: Selection): Promise<ContentKey> {
    const { input, pattern, wildcards } = selection;
    const vertex = this.#solver.vertex(input);
    // ADD of a URL has its own key, which can be known without the file (D-08, D-10).
    if (vertex.op.type === 'http' && pattern === '' && !wildcards) return this.#remotes.content(vertex);
    return this.#contents.of(await this.tree(input), selection);
  }

  /** Makes sure that the files are hashed; true when `content` answered with what they were before. */
  async read(selection: Selection): Promise<boolean> {
    if (this.#solver.vertex(selection.input).op.type === 'http') return false;
    return this.#contents.read(await this.tree(selection.input), selection);
  }

  /** Its files, after `read` of the same selection; null for downloads and for too many. */
  async listing(selection: Selection): Promise<FileListing | null> {
    if (this.#solver.vertex(selection.input).op.type === 'http') return null;
    return listSelection(await this.tree(selection.input), selection.pattern, selection.exclude);
  }

  vertex(id: VertexId): Vertex {
    return this.#solver.vertex(id);
  }

  /** Files in a directory of this machine, or a stack of layers. */
  kindOf(id: VertexId): 'local' | 'stack' {
    const { type } = this.#solver.vertex(id).op;
    return type === 'local' || type === 'http' || type === 'git' ? 'local' : 'stack';
  }

  async tree(id: VertexId): Promise<SourceTree> {
    const vertex = this.#solver.vertex(id);
    const { op } = vertex;
    if (op.type === 'local') return this.#inputs.local(op.name);
    if (op.type === 'http' || op.type === 'git') return this.#remotes.tree(vertex);
    return this.#stage(id);
  }

  #stage(id: VertexId): Promise<MergedTree> {
    const known = this.#merged.get(id);
    if (known !== undefined) return known;
    const tree = this.#solver.solve(id).then((root) => mergedTree(this.#session, root.layers));
    this.#merged.set(id, tree);
    return tree;
  }

  /** A stage or image with its snapshots, for the executor. */
  async stackOf(id: VertexId): Promise<StackRef> {
    const root = await this.#solver.solve(id);
    await tocsOf(this.#session, root.layers);
    const [stack, made] = await Promise.all([materialize(this.#session, root.layers), Promise.all(root.layers.map((layer) => layer.made))]);
    return { stack, diffIds: made.map((layer) => layer.ref.diffId) };
  }

  /** DiffIDs of a tree whose TOCs are stored. */
  async diffIdsOf(root: Rootfs): Promise<readonly DiffId[]> {
    await tocsOf(this.#session, root.layers);
    return Promise.all(root.layers.map(async (layer) => (await layer.made).ref.diffId));
  }

  async mountSource(id: VertexId): Promise<MountSource> {
    const vertex = this.#solver.vertex(id);
    const { op } = vertex;
    if (op.type === 'http' || op.type === 'git') {
      const [tree, content] = await Promise.all([this.#remotes.tree(vertex), this.#remotes.content(vertex)]);
      return { type: 'directory', path: tree.root, identity: content };
    }
    if (op.type === 'local') {
      const { path, excludes, owners } = this.#inputs.directory(op.name);
      if (owners.size > 0) return { type: 'stack', stack: await this.#ownedStack(op.name), identity: `context ${op.name}` };
      return { type: 'directory', path, identity: `context ${op.name}`, ...(excludes.length === 0 ? {} : { excludes }) };
    }
    const root = await this.#solver.solve(id);
    const [stack, chain] = await Promise.all([materialize(this.#session, root.layers), chainOf(root.layers)]);
    return { type: 'stack', stack, identity: chain ?? 'scratch' };
  }

  /** A context from an archive whose owners the directory cannot show: as a layer it can. */
  #ownedStack(name: string): Promise<SnapshotStack> {
    const known = this.#owned.get(name);
    if (known !== undefined) return known;
    const stack = import('../steps/local-copy.ts').then(async ({ copyLocal }) => {
      const sources = { 1: { type: 'tree', tree: this.#inputs.local(name) } } as const;
      const ref = await copyLocal(this.#session, EVERYTHING, { layers: [] }, sources, { compression: 'uncompressed' });
      return materialize(this.#session, [layerOf(Promise.resolve({ ref }))]);
    });
    this.#owned.set(name, stack);
    return stack;
  }
}

/** `COPY . /` on scratch. */
const EVERYTHING: CopyOp = {
  type: 'copy',
  keyword: 'COPY',
  sources: [{ type: 'files', input: 1, pattern: '' }],
  dest: '/',
  destIsDir: true,
  link: false,
  parents: false,
  exclude: [],
  unpack: 'never',
};
