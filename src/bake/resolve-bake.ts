// Definition files, names of targets and overrides → everything that is to be built, as data. The door
// of this folder: problems come back as diagnostics, nothing is read and nothing printed.

import { invariant } from '../core/errors.ts';
import type { SourceFile } from '../core/span.ts';
import { attestShorthand } from './attributes/entries.ts';
import type { BakeGroup, BakeTarget } from './bake-target.ts';
import { addComposeFiles } from './compose/compose-config.ts';
import type { YamlModule } from './compose/yaml-port.ts';
import { checkVariables } from './definition/check-variables.ts';
import { collectBlocks } from './definition/collect-blocks.ts';
import { type Config, emptyConfig } from './definition/config.ts';
import { createDefinition, type Definition } from './definition/definition.ts';
import { evaluateBlocks } from './definition/evaluate-blocks.ts';
import type { Environment } from './definition/variable-value.ts';
import type { Body } from './hcl/ast.ts';
import { createHclParser, type HclParser } from './hcl/parse-hcl.ts';
import { parseJsonBody } from './hcl/parse-json.ts';
import { hasWildcard, matchPattern } from './match-pattern.ts';
import { parseOverrides } from './overrides.ts';
import { type BakeDiagnostic, BakeProblem, caught, problem, throwProblems } from './problem.ts';
import { sharedTags } from './shared-tags.ts';
import { contentsOf, printedGroups, TargetGraph } from './target-graph.ts';
import { unknownTarget } from './unknown-target.ts';

export interface BakeRequest {
  /** In the order given; the name decides the format. */
  readonly files: readonly SourceFile[];
  /** Text of a file that a definition names (env_file, extends), relative to the working directory; null when there is none. */
  readonly read: (path: string) => string | null;
  /** Names of targets and groups, or patterns; empty means `default`. */
  readonly targets: readonly string[];
  /** --set values. */
  readonly overrides: readonly string[];
  readonly environment: Environment;
  /** BAKE_CMD_CONTEXT; `cwd://` unless the definition is remote. */
  readonly commandContext?: string;
  /** BAKE_LOCAL_PLATFORM, like linux/amd64. */
  readonly localPlatform: string;
  /** The YAML parser, when needsYaml(files). */
  readonly yaml?: YamlModule;
  /** What timestamp() gives. */
  readonly now: string;
}

export interface BakeResult {
  /** By name. */
  readonly groups: readonly BakeGroup[];
  /** Targets asked for, in order, then those that are only linked. */
  readonly targets: readonly BakeTarget[];
  readonly diagnostics: readonly BakeDiagnostic[];
  /** Errors for a build, but not for printing: targets with one tag. */
  readonly conflicts: readonly BakeDiagnostic[];
}

export interface LoadedBake {
  readonly config: Config;
  readonly definition: Definition;
  readonly warnings: readonly BakeDiagnostic[];
}

/** Parses and evaluates all files. Throws BakeProblem. */
export function loadBake(request: Omit<BakeRequest, 'targets' | 'overrides'>): LoadedBake {
  const parser = createHclParser();
  const compose = request.files.filter(isCompose);
  const problems: BakeProblem[] = [];
  const others = request.files.filter((file) => !compose.includes(file));
  const bodies = others.flatMap((file) => caught(problems, () => bodyOf(file, parser)) ?? []);
  throwProblems(problems);
  const blocks = collectBlocks(bodies);
  const definition = createDefinition(blocks, {
    environment: request.environment,
    builtins: new Map([
      ['BAKE_CMD_CONTEXT', request.commandContext ?? 'cwd://'],
      ['BAKE_LOCAL_PLATFORM', request.localPlatform],
    ]),
    now: request.now,
  });
  const config = emptyConfig();
  if (compose.length > 0)
    addComposeFiles(compose, config, { environment: request.environment, yaml: required(request.yaml), read: request.read });
  checkVariables(definition);
  evaluateBlocks(definition, config);
  return { config, definition, warnings: blocks.warnings };
}

/** The name decides; a name that says nothing is tried as HCL, then as JSON. */
function bodyOf(file: SourceFile, parser: HclParser): Body {
  if (/\.json$/i.test(file.name)) return parseJsonBody(file, parser);
  if (!/^\s*\{/.test(file.text) || /\.hcl$/i.test(file.name)) return parser.parseBody(file);
  return parseJsonBody(file, parser);
}

function required(yaml: YamlModule | undefined): YamlModule {
  invariant(yaml !== undefined, 'compose files need the YAML parser');
  return yaml;
}

const isCompose = (file: SourceFile): boolean => /\.ya?ml$/i.test(file.name);

export const needsYaml = (files: readonly SourceFile[]): boolean => files.some(isCompose);

export function resolveBake(request: BakeRequest): BakeResult {
  try {
    const { config, warnings } = loadBake(request);
    return { ...resolveTargets(config, request), diagnostics: warnings };
  } catch (error) {
    if (error instanceof RangeError)
      return failed(new BakeProblem(problem('bake/syntax', 'the definition is nested too deeply, or a function calls itself without end')));
    if (error instanceof BakeProblem) return failed(error);
    throw error;
  }
}

const failed = (error: BakeProblem): BakeResult => ({
  groups: [],
  targets: [],
  diagnostics: error.all(),
  conflicts: [],
});

export function resolveTargets(config: Config, request: BakeRequest): Omit<BakeResult, 'diagnostics'> {
  const asked = (request.targets.length === 0 ? ['default'] : request.targets).flatMap((name) => expandPattern(config, name));
  const graph = new TargetGraph(config, parseOverrides(request.overrides, config, request.environment));
  const contents = asked.map((name) => contentsOf(config, name));
  const targets = new Map<string, BakeTarget>();
  for (const name of contents.flatMap((one) => one.targets)) targets.set(name, graph.resolve(name, false));
  graph.addLinked(targets);
  const groups = printedGroups(
    config,
    contents.flatMap((one) => one.groups),
    asked,
  );
  const epoch = request.environment['SOURCE_DATE_EPOCH'];
  return {
    groups,
    conflicts: sharedTags([...targets.values()], config),
    targets: [...targets.values()].map((target) => (epoch === undefined || epoch === '' ? target : withEpoch(target, epoch))),
  };
}

/** As for `build`: the environment's SOURCE_DATE_EPOCH is a build argument of every target. */
const withEpoch = (target: BakeTarget, epoch: string): BakeTarget =>
  target.args?.has('SOURCE_DATE_EPOCH') === true
    ? target
    : { ...target, args: new Map([...(target.args ?? []), ['SOURCE_DATE_EPOCH', epoch]]) };

/** `web*` stands for every target and group it matches; dots in names become underscores, as in names of compose services. */
function expandPattern(config: Config, asked: string): string[] {
  const name = asked.replaceAll('.', '_');
  if (config.targets.has(name) || config.groups.has(name) || !hasWildcard(name)) return [name];
  const names = [...config.groups.keys(), ...config.targets.keys()].filter((candidate) => matchPattern(name, candidate));
  if (names.length === 0) throw unknownTarget(config, name);
  return [...new Set(names)].sort();
}

/** --provenance, --sbom and the other short flags as --set values, in the order in which buildx adds them. */
export function shorthandOverrides(flags: {
  readonly push: boolean;
  readonly load: boolean;
  readonly noCache: boolean | null;
  readonly pull: boolean | null;
  readonly sbom: string | null;
  readonly provenance: string | null;
}): string[] {
  return [
    ...(flags.push ? ['*.push=true'] : []),
    ...(flags.load ? ['*.load=true'] : []),
    ...(flags.noCache === null ? [] : [`*.no-cache=${flags.noCache}`]),
    ...(flags.pull === null ? [] : [`*.pull=${flags.pull}`]),
    ...(flags.sbom === null ? [] : [`*.attest=${attestShorthand('sbom', flags.sbom)}`]),
    ...(flags.provenance === null ? [] : [`*.attest=${attestShorthand('provenance', flags.provenance)}`]),
  ];
}
