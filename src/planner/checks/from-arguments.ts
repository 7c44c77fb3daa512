// Checks on variables and --platform of FROM (W-09, W-15, W-18).
import { tryParsePlatform } from '../../core/platform.ts';
import type { FromInstruction } from '../../parser/ast.ts';
import { didYouMean } from '../did-you-mean.ts';
import type { UnsetVariable } from '../expand.ts';
import type { GlobalScope } from '../global-scope.ts';
import type { Reporter } from '../reporter.ts';

export function checkFromVariables(unset: readonly UnsetVariable[], globals: GlobalScope, reporter: Reporter): void {
  for (const { name, span } of unset) {
    if (globals.known.has(name)) continue;
    const { hint } = didYouMean(name, globals.known);
    const guess = hint === undefined ? '' : ` (${hint})`;
    reporter.warn('UndefinedArgInFrom', span, `FROM argument '${name}' is not declared${guess}`);
  }
}

export function checkBasePlatformFlag(from: FromInstruction, used: ReadonlySet<string>, expanded: string, reporter: Reporter): void {
  if (from.platform === undefined) return;
  const { value: word, valueSpan } = from.platform;
  const [only, ...others] = word.parts;
  if (only?.type === 'variable' && others.length === 0 && only.name === 'TARGETPLATFORM' && used.has('TARGETPLATFORM')) {
    const message = `Setting platform to predefined ${word.raw} in FROM is redundant as this is the default behavior`;
    reporter.warn('RedundantTargetPlatform', valueSpan, message);
  }
  if (word.parts.some((part) => part.type === 'variable') || namesPlatform(from.as?.name.text, expanded)) return;
  reporter.warn('FromPlatformFlagConstDisallowed', valueSpan, `FROM --platform flag should not use constant value "${expanded}"`);
}

/** A stage called after its os or architecture (`build-arm64`) is meant to be fixed. */
function namesPlatform(stage: string | undefined, platform: string): boolean {
  const parsed = tryParsePlatform(platform);
  if (stage === undefined || !parsed.ok) return false;
  const name = stage.toLowerCase();
  return name.includes(parsed.platform.os) || name.includes(parsed.platform.architecture);
}
