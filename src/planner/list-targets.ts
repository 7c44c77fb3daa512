// What `--call=targets` shows: the stages a build can be asked for (S-03, S-04).
import type { Platform } from '../core/platform.ts';
import type { Span } from '../core/span.ts';
import type { DockerfileAst } from '../parser/ast.ts';
import { buildGlobalScope } from './global-scope.ts';
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
  /** --platform of the FROM line as written. */
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
    const description = name === undefined ? undefined : describe(from.comments, name);
    return {
      name: name ?? '',
      default: index === table.stages.length - 1,
      base: from.image.raw,
      span: from.span,
      ...(from.platform !== undefined && { platform: from.platform.value.raw }),
      ...(description !== undefined && { description }),
    };
  });
}
