// The planner's door: a syntax tree, options and facts become a graph and one image plan for each
// platform. Pure and replayable; asks for facts until none is missing (facts.ts).
import { hasErrors, sortDiagnostics } from '../core/diagnostic.ts';
import { normalizePlatform, type Platform } from '../core/platform.ts';
import type { ImagePlan } from '../graph/image-plan.ts';
import { GraphBuilder } from '../graph/vertex.ts';
import type { DockerfileAst } from '../parser/ast.ts';
import { checkBuildArgs } from './checks/build-args.ts';
import { checkFile } from './checks/file.ts';
import { checkOptions } from './checks/skip.ts';
import { containerConfig } from './config-state.ts';
import { type Facts, type ImageQuery, type PlanOptions, type PlanResult, queryKey } from './facts.ts';
import { foldStages, type StageResult } from './fold-stage.ts';
import { buildArg, parseEpoch } from './global-scope.ts';
import type { OutlineRecorder } from './outline.ts';
import { Reporter } from './reporter.ts';
import { buildStageGraph, type StageGraph } from './stage-graph.ts';

/**
 * Plans `ast`, which must have parsed without errors, for every platform of `options`. `needs`: answer
 * the queries and call again with all facts so far. `failed`: at least one error; `ready` may carry
 * warnings. Diagnostics are in source order. `outline` is told what the stages declare.
 */
export function planBuild(ast: DockerfileAst, options: PlanOptions, facts: Facts, outline?: OutlineRecorder): PlanResult {
  const checks = checkOptions(ast, options.buildArgs);
  const reporter = new Reporter(checks.muted);
  checkFile(ast, reporter);
  const graphs = options.platforms.map((platform) =>
    buildStageGraph({ ast, options, facts, platform: normalizePlatform(platform) }, reporter),
  );
  const epochs = graphs.map((graph) => parseEpoch(graph?.globals.epoch, reporter));
  const complete = graphs.filter((graph) => graph !== undefined);
  if (reporter.hasErrors() || complete.length !== graphs.length)
    return { type: 'failed', diagnostics: sortDiagnostics(checks.settle(reporter.diagnostics())) };

  const queries = missingQueries(complete, facts);
  if (queries.length > 0) return { type: 'needs', queries };

  const graph = new GraphBuilder();
  const proxyEnv = proxyEnvironment(options.buildArgs);
  const images = complete.map((stages, at) => {
    const epoch = epochs[at];
    const results = foldStages({ graph, stages, options, facts, reporter, epoch, proxyEnv, outline });
    return imagePlan(stages, results.get(stages.target.index), options, epoch);
  });
  checkBuildArgs(options.buildArgs, [...ast.instructions, ...complete.flatMap(({ triggers }) => [...triggers.values()].flat())], reporter);
  const diagnostics = sortDiagnostics(checks.settle(reporter.diagnostics()));
  if (hasErrors(diagnostics)) return { type: 'failed', diagnostics };
  const plans = images.filter((image) => image !== undefined);
  return { type: 'ready', plan: { graph: graph.build(plans.map(({ target }) => target)), images: plans }, diagnostics };
}

function missingQueries(graphs: readonly StageGraph[], facts: Facts): ImageQuery[] {
  const missing = new Map<string, ImageQuery>();
  for (const query of graphs.flatMap((graph) => graph.queries)) {
    const key = queryKey(query);
    if (!facts.images.has(key)) missing.set(key, query);
  }
  return [...missing.values()];
}

const PROXY_NAMES = ['HTTP_PROXY', 'HTTPS_PROXY', 'FTP_PROXY', 'NO_PROXY', 'ALL_PROXY'];

/** both cases are set; when both were given the lower-case value wins. */
function proxyEnvironment(buildArgs: Readonly<Record<string, string>>): string[] {
  return PROXY_NAMES.flatMap((name) => {
    const value = buildArg(buildArgs, name.toLowerCase()) ?? buildArg(buildArgs, name);
    return value === undefined ? [] : [`${name}=${value}`, `${name.toLowerCase()}=${value}`];
  });
}

function imagePlan(
  stages: StageGraph,
  result: StageResult | undefined,
  options: PlanOptions,
  epoch: number | undefined,
): ImagePlan | undefined {
  if (result === undefined) return undefined;
  const { image } = result;
  return {
    platform: imagePlatform(stages.platform, result.base, options.implicitPlatform ?? false),
    target: result.vertex,
    config: containerConfig(image, options.labels),
    ...(image.author !== undefined && { author: image.author }),
    history: image.history.toArray(),
    ...(Object.keys(image.extra).length > 0 && { extra: image.extra }),
    ...(epoch !== undefined && { epoch }),
  };
}

/** F-19: the target platform, to which the base adds what the target does not name; the base's own when none was asked for. */
function imagePlatform(target: Platform, base: Platform | undefined, implicit: boolean): Platform {
  if (base === undefined) return target;
  const named = implicit && base.os && base.architecture ? base : target;
  const variant = named.variant ?? (base.architecture === named.architecture ? base.variant : undefined);
  const version = named['os.version'] ?? base['os.version'];
  const features = named['os.features'] ?? base['os.features'];
  return {
    os: named.os,
    architecture: named.architecture,
    ...(variant && { variant }),
    ...(version && { 'os.version': version }),
    ...(features && features.length > 0 && { 'os.features': features }),
  };
}
