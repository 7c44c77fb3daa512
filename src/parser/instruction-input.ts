// What every instruction's parser gets: the logical line split into keyword, flags and arguments,
// and a way to report.
import type { DiagnosticCode } from '../core/codes.ts';
import type { Diagnostic } from '../core/diagnostic.ts';
import type { Span } from '../core/span.ts';
import type { Comment, Text } from './ast.ts';
import type { RawFlag } from './flags.ts';
import type { HeredocBody } from './heredoc-bodies.ts';
import { type Escape, type MappedText, type Range, spanOf } from './mapped-text.ts';

export interface InstructionBase {
  readonly span: Span;
  readonly keyword: Text;
  readonly comments: readonly Comment[];
  readonly original: string;
}

export type DiagnosticExtras = Pick<Diagnostic, 'hint' | 'labels' | 'notes'>;

export type Report = (code: DiagnosticCode, message: string, span: Span, extras?: DiagnosticExtras) => void;

export interface InstructionInput {
  readonly base: InstructionBase;
  /** The whole file, for heredoc bodies. */
  readonly fileText: string;
  /** The logical line: continuations and comments removed. */
  readonly source: MappedText;
  readonly escapeChar: Escape;
  /** Escape inside expandable text: a trigger is laid out with `\` but expanded as its file says (O-03, V-19). */
  readonly wordEscape: Escape;
  readonly flags: readonly RawFlag[];
  /** Trimmed range of `source` after the flags; empty when there are no arguments. */
  readonly args: Range;
  readonly heredocs: readonly HeredocBody[];
  readonly error: Report;
}

export const argumentText = (input: InstructionInput): string => input.source.text.slice(input.args.start, input.args.end);

/** Where to point when something is wrong with the arguments as a whole: at the keyword when there are none. */
export const argumentSpan = (input: InstructionInput): Span =>
  input.args.end > input.args.start ? spanOf(input.source, input.args.start, input.args.end) : input.base.keyword.span;

export const keywordName = (input: InstructionInput): string => input.base.keyword.text.toUpperCase();

/** Reports and returns null, so a parser can `return refuse(…)`. */
export function refuse(input: InstructionInput, code: DiagnosticCode, message: string, span: Span, hint?: string): null {
  input.error(code, message, span, hint === undefined ? undefined : { hint });
  return null;
}
