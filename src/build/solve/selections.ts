// What a vertex stands on and what it reads besides, and which step of the Dockerfile it is.
import { InvariantError, invariant } from '../../core/errors.ts';
import type { LayerOp } from '../../graph/op.ts';
import type { BuildGraph, Vertex, VertexId } from '../../graph/vertex.ts';

/** A part of an input that a vertex reads: the source of a copy or of a read-only mount. */
export interface Selection {
  readonly input: VertexId;
  /** Path or pattern below the input's root. */
  readonly pattern: string;
  readonly wildcards: boolean;
  readonly exclude: readonly string[];
}

/** Steps of one kind in one stage; every slot begins with it. */
export const slotGroupOf = (vertex: Vertex): string => `${vertex.meta.stage} ${vertex.op.type} `;

/** "The same step" across edits of the Dockerfile: its stage and what it does, without values. */
export function slotOf(vertex: Vertex): string {
  const op = vertex.op;
  const what =
    op.type === 'exec'
      ? op.args.join(' ').slice(0, 200)
      : op.type === 'copy'
        ? `${op.keyword} ${op.dest}`
        : op.type === 'mkdir'
          ? op.path
          : '';
  return `${slotGroupOf(vertex)}${what}`;
}

export function baseOf(vertex: Vertex): VertexId {
  const [base] = vertex.inputs;
  invariant(base !== undefined, 'a layer vertex without a base');
  return base;
}

/**
 * The vertices `id` stands on that `known` does not have, lowest first, and then `id` itself. Who asks in
 * this order needs no stack as deep as a Dockerfile is long.
 */
export function upTo(id: VertexId, known: ReadonlyMap<VertexId, unknown>, vertexOf: (id: VertexId) => Vertex): VertexId[] {
  const chain: VertexId[] = [];
  for (let at: VertexId | undefined = id; at !== undefined && !known.has(at); ) {
    chain.push(at);
    const vertex = vertexOf(at);
    at = isLayer(vertex) ? baseOf(vertex) : undefined;
  }
  return chain.reverse();
}

export type LayerVertex = Vertex & { readonly op: LayerOp };

/** A copy whose layer does not look at its base (H-09). */
export const isLinked = ({ op }: Vertex): boolean => op.type === 'copy' && op.link;

export const isLayer = (vertex: Vertex): vertex is LayerVertex =>
  vertex.op.type === 'copy' || vertex.op.type === 'exec' || vertex.op.type === 'mkdir';

/** Vertices whose layers an image has beside those of its base, base first. */
export const layerVertices = (graph: BuildGraph, target: VertexId): readonly LayerVertex[] => stackVertices(graph, target).filter(isLayer);

/** What the root file system of `target` is made of: an image or scratch, then the steps on it. */
export function stackVertices(graph: BuildGraph, target: VertexId): readonly Vertex[] {
  const byId = new Map(graph.vertices.map((vertex) => [vertex.id, vertex]));
  const vertexOf = (id: VertexId): Vertex => {
    const vertex = byId.get(id);
    invariant(vertex, `vertex ${id} is not in the graph`);
    return vertex;
  };
  return upTo(target, new Map(), vertexOf).map(vertexOf);
}

/** Everything a vertex reads from inputs other than its base, in a fixed order. */
export function selectionsOf(vertex: Vertex): readonly Selection[] {
  const op = vertex.op;
  const at = (input: number): VertexId => {
    const id = vertex.inputs[input];
    if (id === undefined) throw new InvariantError(`vertex ${vertex.meta.label} has no input ${input}`);
    return id;
  };
  if (op.type === 'copy') {
    return op.sources.flatMap((source): Selection[] => {
      if (source.type === 'inline') return [];
      const pattern = source.type === 'files' ? source.pattern : '';
      return [{ input: at(source.input), pattern, wildcards: source.type === 'files', exclude: op.exclude }];
    });
  }
  if (op.type === 'exec') {
    return op.mounts.flatMap((mount): Selection[] => {
      if (mount.type !== 'bind' && mount.type !== 'cache') return [];
      if (mount.input === undefined) return [];
      return [{ input: at(mount.input), pattern: mount.source, wildcards: false, exclude: [] }];
    });
  }
  return [];
}
