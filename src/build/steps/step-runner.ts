// Carries out the steps of one build, each kind by its own means.
import type { LimitFunction } from 'p-limit';
import type { OnGrowth } from '../../cache/blob-store.ts';
import type { BuildRecord } from '../../cache/build-index.ts';
import type { Digest } from '../../core/digest.ts';
import { assertNever, InvariantError } from '../../core/errors.ts';
import type { CopyInput } from '../../executor/copy/plan-copy.ts';
import type { LayerFormat, RunRequest, SnapshotId, StackRef } from '../../executor/executor.ts';
import type { CopyOp, ExecOp } from '../../graph/op.ts';
import type { Vertex, VertexId } from '../../graph/vertex.ts';
import type { FailedStep } from '../debug/failed-step.ts';
import type { RegistryAccess } from '../registry-access.ts';
import type { RemoteSources } from '../remote/remote-sources.ts';
import type { BuildRequest } from '../request/build-request.ts';
import { type Session, sessionWith } from '../session.ts';
import { type Layer, type LayerFollower, layerOf, type Rootfs } from '../solve/layer.ts';
import type { StepLog } from '../solve/step-log.ts';
import type { StepResult } from '../solve/steps.ts';
import type { Trees } from '../solve/trees.ts';
import { prepareRun, runStep } from './run.ts';
import type { StepContext } from './step-context.ts';

export interface StepRunnerOptions {
  readonly session: Session;
  readonly request: BuildRequest;
  readonly registry: RegistryAccess;
  readonly trees: Trees;
  readonly remotes: RemoteSources;
  readonly logs: Map<string, StepLog>;
  readonly format: LayerFormat;
  readonly packing: LimitFunction;
  /** Collects steps whose command failed. */
  readonly failed?: FailedStep[];
  /** Whoever wants to follow the blob of the vertex's layer. */
  readonly follow?: (id: VertexId) => LayerFollower | null;
  /** First content of a cache mount that is imported, by id. */
  readonly seed?: (id: string) => Promise<SnapshotId | null>;
}

export class StepRunner {
  readonly #options: StepRunnerOptions;

  constructor(options: StepRunnerOptions) {
    this.#options = options;
  }

  manifestOf(vertex: Vertex): Digest {
    if (vertex.op.type !== 'image') throw new InvariantError(`${vertex.op.type} is not an image`);
    return vertex.op.manifest;
  }

  recorded(record: BuildRecord): Layer {
    const { registry } = this.#options;
    const ref = { diffId: record.diffId, blob: record.blob };
    const layer = layerOf(Promise.resolve({ ref, created: record.created }));
    return { ...layer, fetch: (signal) => registry.fetchSeen(ref, signal) };
  }

  /** Ended by `signal`, which may outlast the build: others may wait for the same step. */
  async run(vertex: Vertex, base: Rootfs, signal: AbortSignal): Promise<StepResult> {
    const follower = this.#options.follow?.(vertex.id) ?? null;
    try {
      const result = await this.#run(vertex, base, signal, follower?.grown);
      result.made.catch(() => follower?.abandon());
      return result;
    } catch (error) {
      follower?.abandon();
      throw error;
    }
  }

  async #run(vertex: Vertex, base: Rootfs, signal: AbortSignal, onGrowth: OnGrowth | undefined): Promise<StepResult> {
    const { op } = vertex;
    const { format } = this.#options;
    const session = sessionWith(this.#options.session, { signal });
    switch (op.type) {
      case 'exec':
        return runStep(this.#context(session), vertex, op, base, onGrowth);
      case 'copy':
        return this.#copy(session, vertex, op, base, onGrowth);
      case 'mkdir': {
        const { makeDirectory } = await localCopies();
        const layer = await makeDirectory(session, op, base, format);
        return { made: Promise.resolve({ ref: layer, created: session.clock() }), snapshot: null };
      }
      case 'image':
      case 'scratch':
      case 'local':
      case 'http':
      case 'git':
        throw new InvariantError(`${op.type} makes no layer`);
      default:
        return assertNever(op);
    }
  }

  /** What a RUN would ask of the executor; its snapshot is new and the caller's. */
  prepareRun(vertex: Vertex, op: ExecOp, base: Rootfs): Promise<RunRequest> {
    return prepareRun(this.#context(this.#options.session), vertex, op, base);
  }

  #context(session: Session): StepContext {
    const { format, packing, request, logs, trees, failed, seed } = this.#options;
    return {
      session,
      format,
      packing,
      secrets: request.secrets,
      ssh: request.ssh,
      logs,
      mountSource: (step, input) => trees.mountSource(inputOf(step, input)),
      ...(failed === undefined ? {} : { failed }),
      ...(seed === undefined ? {} : { seed }),
    };
  }

  async #copy(session: Session, vertex: Vertex, op: CopyOp, base: Rootfs, onGrowth: OnGrowth | undefined): Promise<StepResult> {
    const { format, trees, remotes } = this.#options;
    const local: Record<number, CopyInput> = {};
    const stacks: Record<number, StackRef> = {};
    for (const source of op.sources) {
      if (source.type === 'inline' || local[source.input] !== undefined || stacks[source.input] !== undefined) continue;
      const { input } = source;
      const id = inputOf(vertex, input);
      if (trees.kindOf(id) === 'stack') stacks[input] = await trees.stackOf(id);
      else if (source.type === 'remote' && trees.vertex(id).op.type === 'http') local[input] = await remotes.file(trees.vertex(id));
      else local[input] = { type: 'tree', tree: await trees.tree(id) };
    }
    const created = session.clock();
    if (Object.keys(stacks).length === 0) {
      const { copyLocal } = await localCopies();
      return { made: Promise.resolve({ ref: await copyLocal(session, op, base, local, format, onGrowth), created }), snapshot: null };
    }
    if (Object.keys(local).length > 0) throw new InvariantError('one copy cannot read a stage and the context');
    const { looksAtBase } = await import('../../executor/copy/plan-copy.ts');
    const [executor, diffIds] = await Promise.all([session.executor(), looksAtBase(op) ? trees.diffIdsOf(base) : []]);
    const { layer } = await executor.copy({ op, base: diffIds, sources: stacks, time: Math.floor(created / 1000), format }, onGrowth);
    return { made: Promise.resolve({ ref: layer, created }), snapshot: null };
  }
}

/** Loaded for the first step that is not cached. */
const localCopies = (): Promise<typeof import('./local-copy.ts')> => import('./local-copy.ts');

function inputOf(vertex: Vertex, input: number): Vertex['id'] {
  const id = vertex.inputs[input];
  if (id === undefined) throw new InvariantError(`${vertex.meta.label} has no input ${input}`);
  return id;
}
