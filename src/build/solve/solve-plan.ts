// Solves a plan's targets: wires keys, steps and trees together, and ends everything when one fails.
import type { LayerRef } from '../../core/descriptor.ts';
import { InvariantError, TsbuildError } from '../../core/errors.ts';
import type { SourceFile } from '../../core/span.ts';
import type { BuildPlan } from '../../graph/image-plan.ts';
import type { Vertex, VertexId } from '../../graph/vertex.ts';
import type { BaseImages } from '../base-images.ts';
import type { BuildInputs } from '../build-inputs.ts';
import type { CacheImports } from '../cache-mounts/import-caches.ts';
import type { FailedStep } from '../debug/failed-step.ts';
import { stepFormat } from '../outputs/convert-layers.ts';
import type { RemoteSources } from '../remote/remote-sources.ts';
import type { BuildRequest } from '../request/build-request.ts';
import { keyedSecrets } from '../request/secret-values.ts';
import { type Session, sessionWith } from '../session.ts';
import type { SharedWork } from '../shared-work.ts';
import { StepRunner } from '../steps/step-runner.ts';
import type { StepWeight } from './admission.ts';
import type { Layer, MadeLayer, ShippedLayers } from './layer.ts';
import { layerVertices, stackVertices } from './selections.ts';
import { Solver } from './solver.ts';
import { StepError } from './step-error.ts';
import type { StepLog } from './step-log.ts';
import { Trees } from './trees.ts';

export interface SolvedImage {
  /** Base first; `vertex` for layers that a step of this plan made. */
  readonly layers: readonly {
    readonly layer: LayerRef;
    readonly created?: number;
    readonly description: string;
    readonly vertex?: VertexId;
  }[];
}

export interface SolveParts {
  readonly session: Session;
  readonly request: BuildRequest;
  readonly inputs: BuildInputs;
  readonly shared: SharedWork;
  readonly remotes: RemoteSources;
  readonly images: BaseImages;
  readonly file: SourceFile;
}

/** A failed step is looked into as the request says. */
export async function solvePlan(parts: SolveParts, plan: BuildPlan, shipped: ShippedLayers): Promise<readonly SolvedImage[]> {
  const failed: FailedStep[] = [];
  try {
    return await withSolver(
      parts,
      plan,
      { shipped, ...((parts.request.onError?.type ?? 'fail') === 'fail' ? {} : { failed }) },
      async ({ solver }) => {
        const roots = await Promise.all(plan.images.map(async ({ target }) => ({ target, ...(await solver.solve(target)) })));
        await solver.finish();
        return Promise.all(
          roots.map(async ({ target, layers }) => ({ layers: await withVertices(layers, stackVertices(plan.graph, target)) })),
        );
      },
    );
  } catch (error) {
    if (failed.length > 0) await (await import('../debug/after-failure.ts')).afterFailure(parts.session, parts.request, failed, error);
    throw error;
  }
}

export interface SolverOptions {
  readonly shipped?: ShippedLayers;
  /** Collects steps whose command failed. */
  readonly failed?: FailedStep[];
}

export interface OpenSolver {
  readonly solver: Solver;
  readonly steps: StepRunner;
}

/** Opens a solver for `body`; when that fails everything else is ended before the error is passed on. */
export async function withSolver<T>(
  parts: SolveParts,
  plan: BuildPlan,
  options: SolverOptions,
  body: (open: OpenSolver) => Promise<T>,
): Promise<T> {
  const imports = await openImports(parts, plan);
  const abort = new AbortController();
  const session = sessionWith(parts.session, { signal: AbortSignal.any([parts.session.signal, abort.signal]) });
  const remotes = parts.remotes.within(session);
  const open = openSolver({ ...parts, session, remotes }, plan, options, imports);
  try {
    return await body(open);
  } catch (error) {
    abort.abort(error);
    await open.solver.settle();
    throw error;
  } finally {
    await Promise.all([remotes.close(), imports?.close()]);
  }
}

function openSolver(parts: SolveParts, plan: BuildPlan, { shipped, failed }: SolverOptions, imports: CacheImports | null): OpenSolver {
  const { session, inputs, shared, remotes, file, request } = parts;
  const logs = new Map<string, StepLog>();
  const vertices = shippedVertices(plan);
  const trees: Trees = new Trees({
    session,
    inputs,
    remotes,
    contents: shared.contents,
    solver: { solve: (id) => solver.solve(id), vertex: (id) => solver.vertex(id) },
  });
  const steps = new StepRunner({
    session,
    request,
    registry: shared.registry,
    packing: shared.packing,
    trees,
    remotes,
    logs,
    format: stepFormat(request.outputs),
    follow: (id) => (vertices.has(id) && shipped !== undefined ? shipped.follow(id) : null),
    ...(failed === undefined ? {} : { failed }),
    ...(imports === null ? {} : { seed: (id) => imports.seed(id) }),
  });
  const solver: Solver = new Solver(session, {
    graph: plan.graph,
    layers: shared.layers,
    facts: {
      chainOfImage: (vertex) => parts.images.chain(steps.manifestOf(vertex)),
      remoteContent: (vertex) => remotes.content(vertex),
      listing: (selection) => trees.listing(selection),
      secrets: (vertex) => keyedSecrets(session.root, vertex.op, request.secrets),
      selectionContent: (selection, vertex) => atStep(file, logs, vertex, () => trees.content(selection)),
      readSelection: (selection, vertex) => atStep(file, logs, vertex, () => trees.read(selection)),
    },
    steps: {
      image: async (vertex) => parts.images.layers(steps.manifestOf(vertex)),
      recorded: (record) => steps.recorded(record),
      run: (vertex, base, signal) => atStep(file, logs, vertex, () => steps.run(vertex, base, signal)),
      shared: (vertex, task) => atSharedStep(file, vertex, task),
      given: (vertex) => givenTo(vertex, request),
      admit: (vertex, signal, step) => shared.admission.run(weightOf(vertex, request), signal, step),
    },
    onLayer: (vertex, layer) => {
      if (vertices.has(vertex.id)) shipped?.layer(vertex.id, layer);
    },
  });
  return { solver, steps };
}

/** Loaded only when something is imported. */
async function openImports({ session, shared: { registry }, request }: SolveParts, plan: BuildPlan): Promise<CacheImports | null> {
  const { cacheImports = [] } = request;
  if (cacheImports.length === 0) return null;
  const [{ CacheImports: Imports }, { checkTransfers }] = await Promise.all([
    import('../cache-mounts/import-caches.ts'),
    import('../cache-mounts/export-caches.ts'),
  ]);
  checkTransfers(plan, cacheImports);
  return new Imports(session, registry, cacheImports);
}

const shippedVertices = (plan: BuildPlan): ReadonlySet<VertexId> =>
  new Set(plan.images.flatMap(({ target }) => layerVertices(plan.graph, target).map((vertex) => vertex.id)));

/** Descriptions as BuildKit's, which count when the base image has too short a history (G-03). */
async function withVertices(layers: readonly Layer[], stack: readonly Vertex[]): Promise<SolvedImage['layers']> {
  const [base, ...chain] = stack;
  const pulled = base?.op.type === 'image' ? `pulled from ${base.op.reference}@${base.op.manifest}` : '';
  const first = layers.length - chain.length;
  if (first < 0) throw new InvariantError('an image has fewer layers than its steps made');
  const made: readonly MadeLayer[] = await Promise.all(layers.map((layer) => layer.made));
  return made.map((layer, at) => {
    const vertex = chain[at - first];
    return {
      layer: layer.ref,
      ...(layer.created === undefined ? {} : { created: layer.created }),
      description: vertex?.meta.label ?? pulled,
      ...(vertex === undefined ? {} : { vertex: vertex.id }),
    };
  });
}

/** Failures of a step carry its place in the Dockerfile and the end of its log. */
async function atStep<T>(file: SourceFile, logs: ReadonlyMap<string, StepLog>, vertex: Vertex, body: () => Promise<T>): Promise<T> {
  try {
    return await body();
  } catch (cause) {
    if (cause instanceof StepError) throw cause;
    const log = logs.get(vertex.id);
    if (cause instanceof Error && cause.name === 'AbortError') {
      log?.drop();
      throw cause;
    }
    // Nobody is told of the log of a step that was only stopped.
    if (cause instanceof TsbuildError && cause.code === 'exec/cancelled') log?.drop();
    const logPath = log?.keep(`${new Date().toISOString().replace(/[:.]/g, '-')}-${vertex.meta.stage}`) ?? null;
    throw new StepError({ label: vertex.meta.label, file, span: vertex.meta.origin, logTail: log?.lines(40) ?? [], logPath, cause });
  }
}

/** Sources of secrets and agents: no part of a key, but without one a step may fail. */
function givenTo({ op }: Vertex, { secrets, ssh }: BuildRequest): string {
  if (op.type !== 'exec') return '';
  const given = op.mounts.flatMap((mount): unknown[] => {
    if (mount.type === 'secret') return [secrets[mount.id] ?? null];
    return mount.type === 'ssh' ? [ssh[mount.id] ?? null] : [];
  });
  return given.length === 0 ? '' : JSON.stringify(given);
}

/** Bytes; what is copied passes through in pieces. */
const COPY_MEMORY = 32 * 2 ** 20;

const weightOf = ({ op }: Vertex, { weight = {} }: BuildRequest): StepWeight => (op.type === 'exec' ? weight : { memory: COPY_MEMORY });

/** The failure of a step that another build did has its place in this build's Dockerfile. */
async function atSharedStep<T>(file: SourceFile, vertex: Vertex, task: () => Promise<T>): Promise<T> {
  try {
    return await task();
  } catch (error) {
    if (!(error instanceof StepError) || error.file === file) throw error;
    throw error.at({ label: vertex.meta.label, file, span: vertex.meta.origin });
  }
}
