// Turns vertices of a graph into root file systems: reuses the layers of records, runs what has none.
// Every vertex is solved once per build, whoever asks, and what builds of one command have in common once
// for all of them; independent vertices run side by side.
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { BuildRecord } from '../../cache/build-index.ts';
import { type ChainId, type ContentKey, extendChain } from '../../core/digest.ts';
import { InvariantError, invariant, messageOf } from '../../core/errors.ts';
import type { BuildGraph, Vertex, VertexId } from '../../graph/vertex.ts';
import type { Session } from '../session.ts';
import { packListing } from './file-listing.ts';
import { type KeyFacts, KeyResolver, type Resolution } from './keys.ts';
import { chainOf, type Layer, layerOf, type Rootfs } from './layer.ts';
import type { LayerPositions } from './layer-positions.ts';
import { isExpired } from './record-age.ts';
import { baseOf, isLinked, type Selection, selectionsOf, upTo } from './selections.ts';
import { nameSnapshot } from './snapshots.ts';
import { StepError } from './step-error.ts';
import type { StepResult, Steps } from './steps.ts';

export interface SolverOptions {
  readonly graph: BuildGraph;
  /** What other builds of the same command have made and are making. */
  readonly layers: LayerPositions;
  readonly facts: Omit<KeyFacts, 'vertex' | 'treeChain'>;
  readonly steps: Steps;
  /** Called for each layer as soon as its blob exists, so that it can be uploaded while others run. */
  readonly onLayer?: (vertex: Vertex, layer: Layer) => void;
}

export class Solver {
  readonly #session: Session;
  readonly #options: SolverOptions;
  readonly #vertices: ReadonlyMap<VertexId, Vertex>;
  readonly #solved = new Map<VertexId, Promise<Rootfs>>();
  readonly #unfinished = new Set<Promise<unknown>>();
  readonly #keys: KeyResolver;

  constructor(session: Session, options: SolverOptions) {
    this.#session = session;
    this.#options = options;
    this.#vertices = new Map(options.graph.vertices.map((vertex) => [vertex.id, vertex]));
    this.#keys = new KeyResolver(
      session,
      {
        ...options.facts,
        vertex: (id) => this.vertex(id),
        // A repository has no layers: its commit says it all.
        treeChain: async (id) => (this.vertex(id).op.type === 'git' ? null : chainOf((await this.solve(id)).layers)),
      },
      { onMiss: (vertex, selections) => this.#prepare(vertex, selections) },
    );
  }

  vertex(id: VertexId): Vertex {
    const vertex = this.#vertices.get(id);
    invariant(vertex, `vertex ${id} is not in the graph`);
    return vertex;
  }

  solve(id: VertexId): Promise<Rootfs> {
    let last = this.#solved.get(id);
    if (last !== undefined) return last;
    for (const at of upTo(id, this.#solved, (below) => this.vertex(below))) {
      last = this.#solved.get(at) ?? this.#solve(this.vertex(at));
      this.#solved.set(at, last);
      last.catch(() => undefined);
    }
    invariant(last, 'a vertex is above itself');
    return last;
  }

  /** Resolves when every layer begun is written and recorded; rejects with the first failure. */
  async finish(): Promise<void> {
    while (this.#unfinished.size > 0) await Promise.all(this.#unfinished);
  }

  /** Resolves when nothing of this solver is running any more, whatever became of it. */
  async settle(): Promise<void> {
    await Promise.allSettled([...this.#solved.values(), ...this.#unfinished]);
  }

  async #solve(vertex: Vertex): Promise<Rootfs> {
    this.#session.signal.throwIfAborted();
    switch (vertex.op.type) {
      case 'scratch':
        return { layers: [] };
      case 'image':
        return { layers: await this.#options.layers.stack(await this.#options.steps.image(vertex)) };
      case 'copy':
      case 'mkdir':
      case 'exec':
        return this.#solveLayer(vertex);
      default:
        throw new InvariantError(`${vertex.op.type} is not a root file system`);
    }
  }

  /** Begins what a step that has to run will read, beside whatever it waits for. */
  #prepare(vertex: Vertex, selections: readonly Selection[]): void {
    for (const { input } of selections) {
      const type = this.vertex(input).op.type;
      // Failures are seen by whoever asks for the result.
      if (type !== 'local' && type !== 'http' && type !== 'git') this.solve(input).catch(() => undefined);
    }
    const [base] = vertex.inputs;
    if (base !== undefined) this.solve(base).catch(() => undefined);
  }

  async #solveLayer(vertex: Vertex): Promise<Rootfs> {
    const [resolution, base] = await Promise.all([this.#keys.resolve(vertex.id), this.solve(baseOf(vertex))]);
    const layer =
      resolution.record === null
        ? await this.#execute(vertex, resolution, base)
        : this.#reuse(vertex, resolution.record, resolution.chain ?? null);
    this.#options.onLayer?.(vertex, layer);
    return { layers: [...base.layers, layer] };
  }

  #reuse(vertex: Vertex, record: BuildRecord, chain: ChainId | null): Layer {
    this.#started(vertex);
    this.#finished(vertex, { cached: true });
    const make = (): Layer => this.#options.steps.recorded(record);
    return chain === null ? make() : this.#options.layers.at(chain, record.blob.digest, make);
  }

  /** One build of this command does a step, the others wait for its layer. */
  #execute(vertex: Vertex, resolution: Resolution, base: Rootfs): Promise<Layer> {
    // What has to run anew may not be taken from somebody who was content with a record.
    const name = `${vertex.meta.noCache ? 'anew ' : ''}${resolution.key} ${this.#options.steps.given(vertex)}`;
    const task = this.#options.layers.step(base.layers, name);
    let waits = false;
    const work = (signal: AbortSignal): Promise<Layer> => {
      waits = false;
      return vertex.meta.noCache ? this.#admit(vertex, resolution, base, signal) : this.#runOnce(vertex, resolution, base, signal);
    };
    const onWait = (): void => {
      waits = true;
      this.#started(vertex);
    };
    return this.#options.steps.shared(vertex, async () => {
      try {
        const layer = await task.join(this.#session.signal, work, onWait);
        if (waits) this.#finished(vertex, { cached: true });
        return layer;
      } catch (error) {
        if (waits) this.#finished(vertex, { cached: false, error: messageOf(error) });
        throw error;
      }
    });
  }

  #started(vertex: Vertex): void {
    const { emit, clock } = this.#session;
    emit({ type: 'vertex-started', vertex: infoOf(vertex), time: clock() });
  }

  #finished(vertex: Vertex, how: { readonly cached: boolean; readonly because?: string; readonly error?: string }): void {
    const { emit, clock } = this.#session;
    emit({ type: 'vertex-finished', vertex: infoOf(vertex), ...how, time: clock() });
  }

  /** One process builds a key while others wait for it and then find its record. */
  #runOnce(vertex: Vertex, resolution: Resolution, base: Rootfs, signal: AbortSignal): Promise<Layer> {
    return new Promise<Layer>((resolve, reject) => {
      const leased = this.#session.leases.hold(
        resolution.key,
        async () => {
          const record = await this.#recordMadeMeanwhile(vertex, resolution, base);
          if (record !== null) {
            resolve(this.#reuse(vertex, record, await this.#chainOver(vertex, base, record)));
            return;
          }
          // The lease is held until the record is written, while the next step already goes on.
          const recorded = Promise.withResolvers<void>();
          try {
            resolve(await this.#admit(vertex, resolution, base, signal, recorded.resolve));
          } catch (error) {
            recorded.resolve();
            throw error;
          }
          await recorded.promise;
        },
        signal,
      );
      this.#track(leased);
      leased.catch(reject);
    });
  }

  /** Null for a linked copy, whose base may still be in the making. */
  async #chainOver(vertex: Vertex, base: Rootfs, record: BuildRecord): Promise<ChainId | null> {
    return isLinked(vertex) ? null : extendChain(await chainOf(base.layers), record.diffId);
  }

  /**
   * Another process may have made the same layer while we waited, or what is below came out as it was
   * before: only over the very same layers below is a record of use.
   */
  async #recordMadeMeanwhile(vertex: Vertex, resolution: Resolution, base: Rootfs): Promise<BuildRecord | null> {
    const record = this.#session.index.record(resolution.key);
    if (record === null || !this.#session.blobs.has(record.blob.digest)) return null;
    if (isExpired(vertex, record, this.#session.clock())) return null;
    return isLinked(vertex) || record.below === (await chainOf(base.layers)) ? record : null;
  }

  #admit(vertex: Vertex, resolution: Resolution, base: Rootfs, signal: AbortSignal, recorded = (): void => undefined): Promise<Layer> {
    return this.#options.steps.admit(vertex, signal, () => this.#run(vertex, resolution, base, signal, recorded));
  }

  async #run(vertex: Vertex, resolution: Resolution, base: Rootfs, signal: AbortSignal, recorded: () => void): Promise<Layer> {
    // Small steps wait for nothing: signals and progress get their turn here.
    await nextTurn();
    signal.throwIfAborted();
    this.#started(vertex);
    try {
      const result = await this.#options.steps.run(vertex, base, signal);
      const layer = layerOf(result.made, result.snapshot);
      const saving = this.#save(vertex, resolution, base, layer, result).finally(recorded);
      this.#track(saving);
      // A copy is done when its layer is; a run when its process ended: compression goes on beside the next step.
      if (result.snapshot === null) await result.made;
      this.#finished(vertex, { cached: false, ...(await becauseOf(resolution)) });
      return layer;
    } catch (error) {
      const because = await becauseOf(resolution);
      if (error instanceof StepError && because.because !== undefined) error.because = because.because;
      this.#finished(vertex, { cached: false, ...because, error: messageOf(error) });
      throw error;
    }
  }

  async #save(vertex: Vertex, resolution: Resolution, base: Rootfs, layer: Layer, result: StepResult): Promise<void> {
    const made = await result.made;
    const created = made.created ?? this.#session.clock();
    const { index, emit, clock } = this.#session;
    const { digest, size } = made.ref.blob;
    emit({ type: 'progress', id: vertex.id, action: 'layer', digest, current: size, done: true, time: clock() });
    const below = await chainOf(base.layers);
    const chain = await chainOf([...base.layers, layer]);
    const trees = resolution.alias === undefined ? undefined : await this.#keys.solvedTrees(vertex);
    const listings = await this.#listings(vertex, resolution);
    index.transaction(() => {
      index.setDiffId(made.ref.blob, made.ref.diffId);
      index.saveRecord({
        key: resolution.key,
        outputKey: resolution.outputKey,
        below: isLinked(vertex) ? null : below,
        diffId: made.ref.diffId,
        blob: made.ref.blob,
        created,
        ingredients: resolution.ingredients,
        slot: resolution.slot,
      });
      if (resolution.alias !== undefined) index.alias(resolution.alias, resolution.key, trees);
      for (const [content, packed] of listings) index.saveListing(content, packed);
      if (result.snapshot !== null && chain !== null) nameSnapshot(this.#session, result.snapshot, chain, made.diskSize ?? 0);
    });
    if (chain !== null) this.#options.layers.put(chain, made.ref.blob.digest, layer);
  }

  /** What the step read, so that a later miss can name the file; never a reason to fail. */
  async #listings(vertex: Vertex, { sources }: Resolution): Promise<readonly (readonly [ContentKey, Uint8Array])[]> {
    const listings: (readonly [ContentKey, Uint8Array])[] = [];
    for (const [at, selection] of selectionsOf(vertex).entries()) {
      const content = sources[at];
      if (content === undefined || this.#session.index.listing(content) !== null) continue;
      const files = await this.#options.facts.listing(selection).catch(() => null);
      if (files !== null) listings.push([content, packListing(files)]);
    }
    return listings;
  }

  #track(work: Promise<unknown>): void {
    this.#unfinished.add(work);
    work.then(
      () => this.#unfinished.delete(work),
      // Kept: finish() must see the failure.
      () => undefined,
    );
  }
}

const infoOf = ({ id, meta }: Vertex) => ({ id, name: meta.label, stage: meta.stage });

async function becauseOf(resolution: Resolution): Promise<{ readonly because?: string }> {
  return resolution.because === undefined ? {} : { because: await resolution.because() };
}
