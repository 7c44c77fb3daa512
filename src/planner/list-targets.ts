// What `--call=targets` shows: the stages a build can be asked for (S-03, S-04).
import { formatPlatform, type Platform, tryParsePlatform } from '../core/platform.ts';
import type { Span } from '../core/span.ts';
import type { DockerfileAst, FromInstruction } from '../parser/ast.ts';
import { expandWord } from './expand.ts';
import { buildGlobalScope, type GlobalScope } from './global-scope.ts';
import { NamedContexts } from './named-contexts.ts';
import { describe } from './outline.ts';
import { Reporter } from './reporter.ts';
import { buildStageTable } from './stage-table.ts';
import { splitStages } from './stages.ts';

export interface TargetInfo {
  /** '' when the stage has no name and can only be the default. */
  readonly name: string;
  /** Built when no target is asked for. */
  readonly default: boolean;
  /** Text of the FROM line's image as written. */
  readonly base: string;
  /** `os/arch` when the FROM line fixes one. */
  readonly platform?: string;
  /** From the comment above: `# name text`. */
  readonly description?: string;
  /** Of the FROM line. */
  readonly span: Span;
}

/** In source order. Problems of FROM lines are planBuild's to report. */
export function listTargets(ast: DockerfileAst, buildArgs: Readonly<Record<string, string>>, buildPlatform: Platform): TargetInfo[] {
  const reporter = new Reporter();
  const { preamble, bodies } = splitStages(ast.instructions);
  const globals = buildGlobalScope({ preamble, buildArgs, buildPlatform, targetPlatform: buildPlatform, targetStage: 'default' }, reporter);
  const table = buildStageTable(
    { bodies, globals, contexts: new NamedContexts({}), targetPlatform: buildPlatform, buildPlatform },
    reporter,
  );
  return table.stages.map(({ index, name, from }) => {
    const platform = fixedPlatform(from, globals);
    const description = name === undefined ? undefined : describe(from.comments, name);
    return {
      name: name ?? '',
      default: index === table.stages.length - 1,
      base: from.image.raw,
      span: from.span,
      ...(platform !== undefined && { platform }),
      ...(description !== undefined && { description }),
    };
  });
}

/** As the FROM line says, even where the stage it is built on has another one. */
function fixedPlatform({ platform }: FromInstruction, globals: GlobalScope): string | undefined {
  if (platform === undefined) return undefined;
  const expanded = expandWord(platform.value, (name) => globals.values.get(name));
  const parsed = expanded.ok ? tryParsePlatform(expanded.value) : undefined;
  return parsed?.ok ? formatPlatform(parsed.platform) : undefined;
}
