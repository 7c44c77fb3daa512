// File trees that vertices read from: the context, named contexts, other stages and images.
import type { SourceTree } from '../context/source-tree.ts';
import type { StatCache } from '../context/stat-cache.ts';
import type { ContentKey, DiffId } from '../core/digest.ts';
import { InvariantError } from '../core/errors.ts';
import type { MountSource, StackRef } from '../executor/executor.ts';
import { MergedTree } from '../executor/layer/merged-tree.ts';
import type { Vertex, VertexId } from '../graph/vertex.ts';
import type { BuildInputs } from './build-inputs.ts';
import { type FileListing, listSelection } from './file-listing.ts';
import { chainOf, type Rootfs } from './layer.ts';
import { selectionContent } from './selection-content.ts';
import type { Selection } from './selections.ts';
import type { Session } from './session.ts';
import { materialize, tocsOf } from './snapshots.ts';

export interface TreeSolver {
  solve(id: VertexId): Promise<Rootfs>;
  vertex(id: VertexId): Vertex;
}

export class Trees {
  readonly #session: Session;
  readonly #inputs: BuildInputs;
  readonly #solver: TreeSolver;
  readonly #merged = new Map<VertexId, Promise<MergedTree>>();
  readonly #contents = new Map<string, Promise<ContentKey>>();
  readonly #stats: StatCache;

  constructor(session: Session, inputs: BuildInputs, solver: TreeSolver) {
    this.#session = session;
    this.#inputs = inputs;
    this.#solver = solver;
    this.#stats = { get: (paths) => session.index.stats(paths), put: (rows) => session.index.saveStats(rows) };
  }

  /** Content of a selection; the same one is looked at once per build. */
  content(selection: Selection): Promise<ContentKey> {
    const key = JSON.stringify(selection);
    const known = this.#contents.get(key);
    if (known !== undefined) return known;
    const content = this.tree(selection.input).then((tree) => selectionContent(tree, selection.pattern, selection.exclude, this.#stats));
    this.#contents.set(key, content);
    return content;
  }

  /** Its files, after `content` of the same selection; null for downloads and for too many. */
  async listing(selection: Selection): Promise<FileListing | null> {
    if (this.kindOf(selection.input) === 'remote') return null;
    return listSelection(await this.tree(selection.input), selection.pattern, selection.exclude);
  }

  vertex(id: VertexId): Vertex {
    return this.#solver.vertex(id);
  }

  /** Files of this machine, a stack of layers, or a download. */
  kindOf(id: VertexId): 'local' | 'stack' | 'remote' {
    const { type } = this.#solver.vertex(id).op;
    return type === 'local' ? 'local' : type === 'http' || type === 'git' ? 'remote' : 'stack';
  }

  async tree(id: VertexId): Promise<SourceTree> {
    const { op } = this.#solver.vertex(id);
    if (op.type === 'local') return this.#inputs.local(op.name);
    if (op.type === 'http' || op.type === 'git') throw new InvariantError('a download is not a tree');
    return this.#stage(id);
  }

  #stage(id: VertexId): Promise<MergedTree> {
    const known = this.#merged.get(id);
    if (known !== undefined) return known;
    const tree = this.#solver.solve(id).then(async (root) => new MergedTree(await tocsOf(this.#session, root.layers)));
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
    const { op } = this.#solver.vertex(id);
    if (op.type === 'local') {
      const { path, excludes } = this.#inputs.directory(op.name);
      return { type: 'directory', path, identity: `context ${op.name}`, ...(excludes.length === 0 ? {} : { excludes }) };
    }
    const root = await this.#solver.solve(id);
    const [stack, chain] = await Promise.all([materialize(this.#session, root.layers), chainOf(root.layers)]);
    return { type: 'stack', stack, identity: chain ?? 'scratch' };
  }
}
