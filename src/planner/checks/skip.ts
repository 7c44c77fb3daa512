// Which checks are muted: the `check` directive or BUILDKIT_DOCKERFILE_CHECK for a file (P-10, P-11),
// a comment `check=skip=…` for one instruction (P-12).

import { type CheckRule, isAdvice, ruleOf } from '../../core/check-rules.ts';
import type { Diagnostic } from '../../core/diagnostic.ts';
import type { DockerfileAst, Instruction } from '../../parser/ast.ts';
import { DEFAULT_CHECK, parseCheckDirective, type RuleSelection, skippedRules } from '../../parser/check-directive.ts';
import { buildArg } from '../global-scope.ts';

type Mute = (rule: CheckRule) => boolean;

export interface CheckOptions {
  readonly muted: Mute;
  /** Drops muted warnings, and makes the others errors when the file asks for that (P-10); also for the parser's warnings. */
  readonly settle: (diagnostics: readonly Diagnostic[]) => Diagnostic[];
}

/** Stay off unless asked for by name or with `all`. */
const EXPERIMENTAL: ReadonlySet<CheckRule> = new Set<CheckRule>(['InvalidDefinitionDescription']);

/** The build argument replaces the directive entirely. */
export function checkOptions(ast: DockerfileAst, buildArgs: Readonly<Record<string, string>>): CheckOptions {
  const given = buildArg(buildArgs, 'BUILDKIT_DOCKERFILE_CHECK');
  const directive = ast.directives.find(({ name }) => name === 'check');
  const source = given === undefined ? directive : { value: given, valueSpan: { start: 0, end: 0 } };
  const settings = source === undefined ? DEFAULT_CHECK : parseCheckDirective(source);
  const muted = (rule: CheckRule): boolean => holds(settings.skip, rule) || (EXPERIMENTAL.has(rule) && !holds(settings.experimental, rule));
  const settle = (diagnostics: readonly Diagnostic[]): Diagnostic[] =>
    diagnostics.flatMap((diagnostic) => {
      const rule = ruleOf(diagnostic.code);
      if (rule === undefined) return [diagnostic];
      if (muted(rule)) return [];
      return [settings.error && !isAdvice(rule) ? { ...diagnostic, severity: 'error' as const } : diagnostic];
    });
  return { muted, settle };
}

const holds = (selection: RuleSelection, rule: CheckRule): boolean =>
  selection === 'all' || selection.some((name) => name.toLowerCase() === rule.toLowerCase());

/** Null when the comments above an instruction mute nothing. */
export function mutedFor(instruction: Instruction): Mute | null {
  const skipped = skippedRules(instruction);
  return skipped.length === 0 ? null : (rule) => holds(skipped, rule);
}
