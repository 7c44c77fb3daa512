// The part of planning that needs no facts but base images: the stage table of one platform, its
// target, the dependencies between stages, and which images must be asked about.
import { invariant } from '../core/errors.ts';
import type { Platform } from '../core/platform.ts';
import type { Span } from '../core/span.ts';
import { suggest } from '../core/suggest.ts';
import type { DockerfileAst, Instruction } from '../parser/ast.ts';
import { findTarget, type Mention, mentionsOf, resolveMention } from './dependencies.ts';
import { type Facts, type ImageFact, type ImageQuery, type PlanOptions, queryKey } from './facts.ts';
import { buildGlobalScope, type GlobalScope } from './global-scope.ts';
import { NamedContexts } from './named-contexts.ts';
import { parseTriggers } from './onbuild.ts';
import type { Reporter } from './reporter.ts';
import { buildStageTable } from './stage-table.ts';
import { type Dependency, findCycle, type Origin, reachableStages, type Stage, type StageTable, splitStages } from './stages.ts';

export interface StageGraph {
  readonly table: StageTable;
  readonly globals: GlobalScope;
  readonly contexts: NamedContexts;
  readonly target: Stage;
  readonly platform: Platform;
  /** Stages to fold, in order. */
  readonly reachable: readonly Stage[];
  /** Triggers of the base, by stage index; they run before the stage's own instructions. */
  readonly triggers: ReadonlyMap<number, readonly Instruction[]>;
  /** Images that reachable stages read; without duplicates. */
  readonly queries: readonly ImageQuery[];
  /** What a mention in a stage means; undefined after an error that was reported. */
  readonly resolve: (mention: Mention) => Origin | undefined;
}

export interface StageGraphInput {
  readonly ast: DockerfileAst;
  readonly options: PlanOptions;
  readonly facts: Facts;
  readonly platform: Platform;
}

/** undefined when the structure is broken; everything wrong with it has been reported. */
export function buildStageGraph(input: StageGraphInput, reporter: Reporter): StageGraph | undefined {
  const { ast, options, facts, platform } = input;
  const { preamble, bodies } = splitStages(ast.instructions);
  invariant(bodies.length > 0, 'only trees without errors are planned');
  const targetStage = options.target || (bodies.at(-1)?.from.as?.name.text.toLowerCase() ?? 'default');
  const { buildArgs, buildPlatform } = options;
  const globals = buildGlobalScope({ preamble, buildArgs, buildPlatform, targetPlatform: platform, targetStage }, reporter);
  const contexts = new NamedContexts(options.namedContexts);
  const table = buildStageTable({ bodies, globals, contexts, targetPlatform: platform, buildPlatform }, reporter);
  const target = findTarget(table, options.target, reporter);
  const resolve = (mention: Mention): Origin | undefined => resolveMention(mention, { table, contexts, platform }, reporter);

  const near = nearStage(table);
  const own = table.stages.map((stage) => linksOf(stage, stage.instructions.flatMap(mentionsOf), { resolve, near }));
  const cycle = findCycle(table.stages.length, (index) => own[index]?.dependencies ?? []);
  if (cycle !== null) {
    const name = table.stages[cycle.stage]?.displayName;
    reporter.error('plan/circular-dependency', cycle.by.span, `circular dependency detected on stage: ${name}`);
  }
  if (target === undefined || cycle !== null || reporter.hasErrors()) return undefined;
  const wanted = options.everyStage ? table.stages.map(({ index }) => index) : [target];
  return expandTriggers(
    { table, globals, contexts, platform, resolve, near },
    { target, wanted, own, escapeChar: ast.escape },
    facts,
    reporter,
  );
}

interface Links {
  readonly dependencies: readonly Dependency[];
  readonly images: readonly ImageQuery[];
}

interface Names {
  readonly resolve: StageGraph['resolve'];
  /** The stage that may be meant by the name of an image. */
  readonly near: (name: string) => string | null;
}

function linksOf(stage: Stage, mentions: readonly Mention[], { resolve, near }: Names): Links {
  const dependencies: Dependency[] = [];
  const images: ImageQuery[] = [];
  const add = (name: string, origin: Origin | undefined, span: Span): void => {
    if (origin?.type === 'stage') dependencies.push({ stage: origin.index, span });
    if (origin?.type !== 'image') return;
    const meant = near(name);
    images.push({ reference: origin.reference, platform: origin.platform, span, ...(meant !== null && { near: meant }) });
  };
  add(stage.from.image.raw, stage.origin, stage.from.image.span);
  for (const mention of mentions) add(mention.name, resolve(mention), mention.span);
  return { dependencies, images };
}

/** Names are compared with this many stages at most. */
const MOST_COMPARED = 300;

function nearStage({ byName }: StageTable): Names['near'] {
  if (byName.size > MOST_COMPARED) return () => null;
  return (name) => (/^[\w-]+$/.test(name) ? suggest(name, byName.keys()) : null);
}

type GraphParts = Pick<StageGraph, 'table' | 'globals' | 'contexts' | 'platform' | 'resolve'> & Names;

interface Goal {
  readonly target: number;
  /** Stages to reach. */
  readonly wanted: readonly number[];
  /** Links of each stage without triggers. */
  readonly own: readonly Links[];
  readonly escapeChar: DockerfileAst['escape'];
}

/** Triggers may name further stages and images (O-04), so reachability grows until every base is known. */
function expandTriggers(parts: GraphParts, goal: Goal, facts: Facts, reporter: Reporter): StageGraph | undefined {
  const { table } = parts;
  const { own } = goal;
  const triggers = new Map<number, readonly Instruction[]>();
  const links = new Map<number, Links>();
  const expanded = (index: number): Links => {
    const known = links.get(index);
    if (known !== undefined) return known;
    const stage = table.stages[index];
    const base = own[index] ?? { dependencies: [], images: [] };
    if (stage === undefined || stage.replaced) return base;
    const instructions = triggersOf(stage, goal.escapeChar, table, facts, reporter.at(stage.from.span));
    triggers.set(index, instructions);
    // Places inside a trigger mean nothing in this file.
    const mentions = instructions.flatMap(mentionsOf).map((mention) => ({ ...mention, span: stage.from.span }));
    const more = linksOf(stage, mentions, parts);
    const merged = { dependencies: [...base.dependencies, ...more.dependencies], images: [...base.images, ...more.images] };
    links.set(index, merged);
    return merged;
  };
  const indexes = reachableStages(goal.wanted, (index) => expanded(index).dependencies);
  for (const index of indexes) checkOrder(index, expanded(index), table, reporter);
  const target = table.stages[goal.target];
  if (target === undefined || reporter.hasErrors()) return undefined;
  const queries = new Map(indexes.flatMap((index) => expanded(index).images).map((query) => [queryKey(query), query]));
  const reachable = indexes.flatMap((index) => table.stages[index] ?? []);
  return { ...parts, target, reachable, triggers, queries: [...queries.values()] };
}

function triggersOf(
  stage: Stage,
  escapeChar: DockerfileAst['escape'],
  table: StageTable,
  facts: Facts,
  reporter: Reporter,
): readonly Instruction[] {
  const { origin } = stage;
  const site = { from: stage.from.span, escapeChar };
  if (origin.type === 'image') return parseTriggers(factOf(origin, facts)?.config.config?.OnBuild, site, reporter);
  if (origin.type !== 'stage') return [];
  const parent = table.stages[origin.index];
  if (parent?.replaced && parent.origin.type === 'image') {
    return parseTriggers(factOf(parent.origin, facts)?.config.config?.OnBuild, site, reporter);
  }
  const texts = parent?.instructions.flatMap((instruction) => (instruction.kind === 'onbuild' ? [instruction.trigger.text] : []));
  return parseTriggers(texts, site, reporter);
}

export const factOf = (query: ImageQuery, facts: Facts): ImageFact | undefined => facts.images.get(queryKey(query));

/** F-13: sources must be complete before they are read. */
function checkOrder(index: number, { dependencies }: Links, table: StageTable, reporter: Reporter): void {
  for (const dependency of dependencies) {
    if (dependency.stage < index) continue;
    const [from, to] = [table.stages[dependency.stage]?.displayName, table.stages[index]?.displayName];
    const message = `cannot copy from stage ${JSON.stringify(from)}, it needs to be defined before current stage ${JSON.stringify(to)}`;
    reporter.error('plan/stage-order', dependency.span, message, { hint: `move the FROM line of ${from} above this stage` });
  }
}
