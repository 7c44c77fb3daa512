// Triggers of a base's ONBUILD: read like a line of a Dockerfile. Lines and words are split with
// escape `\` whatever the file says; expansion uses the escape of the file that runs them (O-03, V-19).
import type { Diagnostic } from '../core/diagnostic.ts';
import type { Instruction } from './ast.ts';
import { diagnosticList } from './diagnostic-list.ts';
import { isAllowedTrigger } from './instructions/onbuild.ts';
import type { Escape } from './mapped-text.ts';
import { readInstructions } from './read-instructions.ts';

export interface TriggerResult {
  /** Null when the trigger cannot be used; the diagnostics say why. */
  readonly instruction: Instruction | null;
  /** Spans are offsets into the trigger's text; an image's trigger has no other source. */
  readonly diagnostics: readonly Diagnostic[];
}

/** Parses one entry of `Config.OnBuild`, heredoc bodies included, for a file whose escape is `wordEscape`. */
export function parseOnbuildTrigger(text: string, wordEscape: Escape = '\\'): TriggerResult {
  const diagnostics = diagnosticList();
  const found = readInstructions({ text, escapeChar: '\\', wordEscape, directivesEnd: 0, overlong: new Set(), diagnostics });
  const [instruction] = found;
  if (instruction === undefined || found.length > 1) {
    const hint = 'the image that brings the trigger must be rebuilt';
    diagnostics.fileError('parse/onbuild-trigger', 'onbuild trigger should be a single expression', hint);
  } else if (instruction.kind !== 'invalid') {
    isAllowedTrigger({ error: diagnostics.error }, instruction.keyword.text.toUpperCase(), instruction.keyword.span);
  }
  const usable = instruction !== undefined && instruction.kind !== 'invalid' && !diagnostics.hasErrors();
  return { instruction: usable ? instruction : null, diagnostics: diagnostics.finish() };
}
