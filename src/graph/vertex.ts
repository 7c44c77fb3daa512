// Vertices and the graph they form. Interning by definition makes the graph acyclic and free of
// duplicates by construction: a vertex can only name inputs that already exist.
import { canonicalJson } from '../core/canonical.ts';
import { sha256Hex } from '../core/digest.ts';
import { invariant } from '../core/errors.ts';
import type { Op, VertexMeta } from './op.ts';

declare const vertexBrand: unique symbol;
/** 64 hex digits over the op and the ids of its inputs: the definition digest. */
export type VertexId = string & { readonly [vertexBrand]: true };

export interface Vertex {
  readonly id: VertexId;
  readonly op: Op;
  readonly inputs: readonly VertexId[];
  readonly meta: VertexMeta;
}

/** Vertices in an order in which every input precedes its users. */
export interface BuildGraph {
  readonly vertices: readonly Vertex[];
}

export class GraphBuilder {
  readonly #vertices = new Map<VertexId, Vertex>();

  /**
   * Interns: the same op over the same inputs (and platform of execution) is one vertex; the first meta stays,
   * but with the shortest TTL.
   */
  add(op: Op, inputs: readonly VertexId[], meta: VertexMeta): VertexId {
    for (const input of inputs) invariant(this.#vertices.has(input), `input ${input} is not in the graph`);
    const platform = op.type === 'exec' ? meta.platform : undefined;
    const id = sha256Hex(canonicalJson({ op, inputs, platform })) as VertexId;
    const known = this.#vertices.get(id);
    if (known === undefined) this.#vertices.set(id, { id, op, inputs, meta });
    else if (meta.ttl !== undefined && meta.ttl < (known.meta.ttl ?? Number.POSITIVE_INFINITY))
      this.#vertices.set(id, { ...known, meta: { ...known.meta, ttl: meta.ttl } });
    return id;
  }

  get(id: VertexId): Vertex {
    const vertex = this.#vertices.get(id);
    invariant(vertex, `vertex ${id} is not in the graph`);
    return vertex;
  }

  /** The part of the graph that `targets` need, in topological order. */
  build(targets: readonly VertexId[]): BuildGraph {
    const needed = new Set<VertexId>();
    const pending = [...targets];
    for (let id = pending.pop(); id !== undefined; id = pending.pop()) {
      if (needed.has(id)) continue;
      needed.add(id);
      pending.push(...this.get(id).inputs);
    }
    return { vertices: [...this.#vertices.values()].filter((vertex) => needed.has(vertex.id)) };
  }
}
