// Folds the instructions of one stage over the state of its base (F-10, F-15…F-20).
import { invariant } from '../core/errors.ts';
import { formatPlatform, normalizePlatform, type Platform } from '../core/platform.ts';
import type { VertexMeta } from '../graph/op.ts';
import type { GraphBuilder, VertexId } from '../graph/vertex.ts';
import { configFromImage } from './base-config.ts';
import { NO_ADDITIONS, scratchConfig } from './config-state.ts';
import { type Facts, type ImageFact, type PlanOptions, queryKey } from './facts.ts';
import { gitOp, parseGitUrl } from './git-url.ts';
import type { LowerContext, StageState } from './lower/context.ts';
import { isStep, lowerInstruction } from './lower/instruction.ts';
import { OrderedMap } from './ordered-map.ts';
import type { OutlineRecorder } from './outline.ts';
import type { Reporter } from './reporter.ts';
import { Scope } from './scope.ts';
import type { StageGraph } from './stage-graph.ts';
import type { Origin, Stage } from './stages.ts';
import { StepLabels } from './step-labels.ts';

/** Stages whose files are in the image: the target and what it is built on. */
function imageStages({ target, table }: StageGraph): ReadonlySet<number> {
  const found = new Set<number>();
  for (let stage: Stage | undefined = target; stage !== undefined; ) {
    found.add(stage.index);
    stage = stage.origin.type === 'stage' ? table.stages[stage.origin.index] : undefined;
  }
  return found;
}

export interface FoldInput {
  readonly graph: GraphBuilder;
  readonly stages: StageGraph;
  readonly options: PlanOptions;
  readonly facts: Facts;
  readonly reporter: Reporter;
  readonly epoch: number | undefined;
  readonly proxyEnv: readonly string[];
  readonly outline: OutlineRecorder | undefined;
  /** Stages whose files are in the image. */
  readonly images: ReadonlySet<number>;
  /** File systems of the stages folded so far. */
  readonly vertices: Map<number, VertexId>;
}

/** A folded stage and the platform members that its base image brought along (F-19). */
export interface StageResult extends StageState {
  readonly base: Platform | undefined;
}

/** Results by stage index; those of stages that nothing needs any more are gone, the target's is there. */
export function foldStages(parts: Omit<FoldInput, 'images' | 'vertices'>): ReadonlyMap<number, StageResult> {
  const input = { ...parts, images: imageStages(parts.stages), vertices: new Map<number, VertexId>() };
  const results = new Map<number, StageResult>();
  input.outline?.from(input.stages);
  const { reachable, target } = input.stages;
  // State is kept only while a later stage is built on it: a chain of thousands must not hold thousands of scopes.
  const lastChild = new Map(reachable.flatMap(({ origin, index }) => (origin.type === 'stage' ? [[origin.index, index] as const] : [])));
  for (const stage of reachable) {
    const result = foldStage(stage, results, input);
    input.vertices.set(stage.index, result.vertex);
    if (stage.index === target.index || lastChild.has(stage.index)) results.set(stage.index, result);
    const parent = stage.origin.type === 'stage' ? stage.origin.index : undefined;
    if (parent !== undefined && parent !== target.index && lastChild.get(parent) === stage.index) results.delete(parent);
  }
  return results;
}

function foldStage(stage: Stage, results: ReadonlyMap<number, StageResult>, input: FoldInput): StageResult {
  const { stages, options, reporter, graph } = input;
  const triggers = stages.triggers.get(stage.index) ?? [];
  const labels = labelsOf(stage, triggers.length, input);
  const start = startOf(stage, results, labels, input);
  const context: LowerContext = {
    graph,
    reporter,
    options,
    globals: stages.globals,
    stage,
    platform: stage.platform,
    labels,
    proxyEnv: input.proxyEnv,
    outline: input.outline,
    inImage: input.images.has(stage.index),
    noCache: skipsCache(stage, options),
    epoch: input.epoch,
    onbuild: false,
    source: (name, span, use) => {
      const origin = stages.resolve({ name, span, use });
      return origin && originVertex(origin, stage, `${stage.displayName} ← ${name}`, input);
    },
    mainContext: () => graph.add({ type: 'local', name: '' }, [], sourceMeta('[internal] load build context', stage, input)),
  };
  const onbuild = { ...context, onbuild: true, reporter: reporter.at(stage.from.span) };
  let state: StageState = start;
  for (const trigger of triggers) state = lowerInstruction(state, trigger, onbuild);
  for (const instruction of stage.instructions) state = lowerInstruction(state, instruction, context);
  return { ...state, base: start.base };
}

/** K-15: names in any case; unnamed stages only when everything is meant. */
function skipsCache(stage: Stage, { noCache }: PlanOptions): boolean {
  return typeof noCache === 'boolean' ? noCache : noCache.some((name) => name.toLowerCase() === stage.displayName);
}

function labelsOf(stage: Stage, triggers: number, { stages, options }: FoldInput): StepLabels {
  const based = stage.origin.type === 'image' || stage.origin.type === 'context' ? 1 : 0;
  const own = stage.instructions.filter(isStep).length;
  return new StepLabels({
    stage: stages.table.stages.length === 1 ? '' : stage.displayName,
    total: based + triggers + own,
    platform: options.platforms.length > 1 ? stage.platform : undefined,
  });
}

function startOf(stage: Stage, results: ReadonlyMap<number, StageResult>, labels: StepLabels, input: FoldInput): StageResult {
  const { origin } = stage;
  if (origin.type === 'stage') {
    const parent = results.get(origin.index);
    invariant(parent, `stage ${origin.index} is folded before ${stage.index}`);
    const scope = parent.scope.above(parent.image.env);
    return { ...parent, scope, image: { ...parent.image, triggers: NO_ADDITIONS.triggers }, last: {} };
  }
  const fact = origin.type === 'image' ? factFor(origin, input.facts) : undefined;
  const image = fact === undefined ? scratchConfig(stage.platform) : configFromImage(fact.config);
  if (fact !== undefined && origin.type === 'image') checkBasePlatform(stage, origin, fact, input.reporter);
  const vertex =
    origin.type === 'context'
      ? contextRoot(origin, stage, input)
      : originVertex(origin, stage, origin.type === 'image' ? labels.next(`FROM ${origin.reference}`) : 'scratch', input);
  const scope = Scope.empty.above(image.env);
  return { vertex, scope, args: OrderedMap.empty(), image, last: {}, workdirSeen: false, base: fact?.config };
}

function factFor(origin: Extract<Origin, { type: 'image' }>, facts: Facts): ImageFact {
  const fact = facts.images.get(queryKey(origin));
  invariant(fact, `image ${origin.reference} is known when stages are folded`);
  return fact;
}

/** W-14. */
function checkBasePlatform(stage: Stage, origin: Extract<Origin, { type: 'image' }>, fact: ImageFact, reporter: Reporter): void {
  const [got, wanted] = [normalizePlatform(fact.config), normalizePlatform(origin.platform)];
  if (!got.os || !got.architecture || (got.os === wanted.os && got.architecture === wanted.architecture)) return;
  const { parts, raw } = stage.from.image;
  const name = parts.every(({ type }) => type === 'literal') ? raw : origin.reference;
  const message = `Base image ${name} was pulled with platform "${formatPlatform(got)}", expected "${formatPlatform(wanted)}" for current build`;
  reporter.warn('InvalidBaseImagePlatform', stage.from.image.span, message);
}

const sourceMeta = (label: string, stage: Stage, { stages }: FoldInput): VertexMeta => ({
  label,
  stage: stage.displayName,
  origin: stage.from.span,
  noCache: false,
  proxyEnv: [],
  platform: stage.origin.type === 'image' ? stage.origin.platform : stages.platform,
});

function originVertex(origin: Origin, stage: Stage, label: string, input: FoldInput): VertexId {
  const { graph, facts } = input;
  const meta = sourceMeta(label, stage, input);
  switch (origin.type) {
    case 'stage': {
      const vertex = input.vertices.get(origin.index);
      invariant(vertex, `stage ${origin.index} is folded before it is read`);
      return vertex;
    }
    case 'scratch':
      return graph.add({ type: 'scratch' }, [], meta);
    case 'image': {
      const fact = factFor(origin, facts);
      // F-17: an image without layers is the empty file system.
      if (fact.config.rootfs.diff_ids.length === 0) return graph.add({ type: 'scratch' }, [], meta);
      return graph.add({ type: 'image', manifest: fact.manifest, reference: origin.reference }, [], { ...meta, platform: origin.platform });
    }
    case 'context':
      return contextVertex(origin, stage, input);
  }
}

/** A named context as a source of files. */
function contextVertex({ name, context }: Extract<Origin, { type: 'context' }>, stage: Stage, input: FoldInput): VertexId {
  const meta = sourceMeta(`[context ${name}] load`, stage, input);
  switch (context.type) {
    case 'local':
      return input.graph.add({ type: 'local', name }, [], meta);
    case 'http':
      return input.graph.add({ type: 'http', url: context.url }, [], meta);
    case 'git': {
      const parsed = parseGitUrl(context.url, true);
      if (parsed?.ok) return input.graph.add(gitOp(parsed.source), [], meta);
      input.reporter.error('plan/invalid-context', undefined, `named context ${name}: ${parsed?.reason ?? 'not a git URL'}`);
      return input.graph.add({ type: 'scratch' }, [], meta);
    }
  }
}

/** FROM a named context of files: they become the first layer on an empty root. As in Docker that is no numbered step, though the total counts it. */
function contextRoot(origin: Extract<Origin, { type: 'context' }>, stage: Stage, input: FoldInput): VertexId {
  const source = contextVertex(origin, stage, input);
  const empty = input.graph.add({ type: 'scratch' }, [], sourceMeta('scratch', stage, input));
  const files =
    origin.context.type === 'local' ? ({ type: 'files', input: 1, pattern: '' } as const) : ({ type: 'remote', input: 1 } as const);
  const flags = { link: false, parents: false, exclude: [], unpack: 'never' } as const;
  const op = { type: 'copy', keyword: 'COPY', sources: [files], dest: '/', destIsDir: true, ...flags } as const;
  return input.graph.add(op, [empty, source], sourceMeta(`[context ${origin.name}] FROM`, stage, input));
}
