// From the physical layout of one instruction to its AST node: joins lines, splits keyword, flags and
// arguments, and hands over to the instruction's own parser.
import { suggest } from '../core/suggest.ts';
import type { Comment, Instruction } from './ast.ts';
import { skipSpaces, trimRange } from './blanks.ts';
import type { DiagnosticList } from './diagnostic-list.ts';
import type { InstructionLayout } from './grammar.ts';
import type { HeredocBody } from './heredoc-bodies.ts';
import { findHeredocs, type HeredocOpener } from './heredoc-openers.ts';
import type { InstructionBase, InstructionInput } from './instruction-input.ts';
import { INSTRUCTIONS } from './instruction-table.ts';
import { contentEnd, joinLines, nextLine, type SplitLine, splitLine } from './logical-line.ts';
import { type Escape, type MappedText, type Range, spanOf } from './mapped-text.ts';

export interface FileContext {
  readonly text: string;
  readonly escapeChar: Escape;
  /** Of expandable text; `escapeChar` when absent. */
  readonly wordEscape?: Escape;
  /** Comments that begin before this offset are directives. */
  readonly directivesEnd: number;
  /** Starts of lines that were refused for their length. */
  readonly overlong: ReadonlySet<number>;
  readonly diagnostics: DiagnosticList;
}

/** Always gives a node; 'invalid' when its text could not be understood. */
export function lowerInstruction(file: FileContext, layout: InstructionLayout, afterUnknown: boolean): Instruction {
  if (layout.physical.lines.some((line) => file.overlong.has(line.start))) return overlongInstruction(layout);
  const source = joinLines(file.text, layout.physical.lines, file.escapeChar);
  const split = splitLine(source);
  const bodies = layout.heredocs;
  const base = baseOf(file, layout, source, split, bodies);
  reportBlanks(file, layout);
  const terminated = reportUnterminated(file, source, split, bodies);
  const parser = instructionParser(base.keyword.text);
  if (parser === undefined) {
    reportUnknown(file, base, source, afterUnknown);
    return { ...base, kind: 'invalid' };
  }
  if (!terminated) return { ...base, kind: 'invalid' };
  if (hasTooManyWords(base.keyword.text, source.text, split.args)) {
    file.diagnostics.error(
      'parse/too-many-words',
      `${base.keyword.text.toUpperCase()} lists more than ${MAX_WORDS} words`,
      base.keyword.span,
      {
        hint: 'split it into several instructions',
      },
    );
    return { ...base, kind: 'invalid' };
  }
  const input: InstructionInput = {
    base,
    fileText: file.text,
    source,
    escapeChar: file.escapeChar,
    wordEscape: file.wordEscape ?? file.escapeChar,
    flags: split.flags,
    args: split.args,
    heredocs: bodies,
    error: file.diagnostics.error,
  };
  return parser(input) ?? { ...base, kind: 'invalid' };
}

/** Each word becomes a node of the tree; more of them are a mistake or an attack on memory. */
const MAX_WORDS = 50_000;
const LISTS: ReadonlySet<string> = new Set(['ADD', 'ARG', 'COPY', 'ENV', 'EXPOSE', 'LABEL', 'VOLUME']);

/** Shell text stays one piece, however many words it has. */
function hasTooManyWords(keyword: string, text: string, args: Range): boolean {
  if (args.end - args.start <= MAX_WORDS) return false;
  const separator = text[args.start] === '[' ? /,/g : /\s+/g;
  if (text[args.start] !== '[' && !LISTS.has(keyword.toUpperCase())) return false;
  let count = 1;
  for (const _ of text.slice(args.start, args.end).matchAll(separator)) if (++count > MAX_WORDS) return true;
  return false;
}

/** A line of it is refused already, so nothing of it is read. */
function overlongInstruction(layout: InstructionLayout): Instruction {
  const start = layout.physical.lines[0]?.start ?? 0;
  const span = { start, end: Math.max(start, layout.physical.end) };
  return { kind: 'invalid', span, keyword: { text: '', span: { start, end: start } }, comments: [], original: '' };
}

export const isInstructionName = (keyword: string): boolean => instructionParser(keyword) !== undefined;

function instructionParser(keyword: string): (typeof INSTRUCTIONS)[string] | undefined {
  const name = keyword.toUpperCase();
  return Object.hasOwn(INSTRUCTIONS, name) ? INSTRUCTIONS[name] : undefined;
}

function baseOf(
  file: FileContext,
  layout: InstructionLayout,
  source: MappedText,
  split: SplitLine,
  bodies: readonly HeredocBody[],
): InstructionBase {
  const { keyword } = split;
  const line = trimRange(source.text, 0, source.text.length);
  const span = spanOf(source, line.start, line.end);
  return {
    span: { start: span.start, end: bodies.at(-1)?.end ?? span.end },
    keyword: { text: source.text.slice(keyword.start, keyword.end), span: spanOf(source, keyword.start, keyword.end) },
    comments: commentsAbove(file, layout),
    original: source.text,
  };
}

/** The comment lines since the instruction before; an empty comment starts afresh, blank lines do not. */
function commentsAbove(file: FileContext, layout: InstructionLayout): Comment[] {
  const block = layout.comments;
  if (block === null) return [];
  let comments: Comment[] = [];
  for (let at = Math.max(block.start, file.directivesEnd); at < block.end; at = nextLine(file.text, at)) {
    const stop = contentEnd(file.text, at, nextLine(file.text, at));
    const sign = skipSpaces(file.text, at, stop);
    if (sign === stop) continue;
    const { start, end: to } = trimRange(file.text, sign + 1, stop);
    if (to > start) comments.push({ text: file.text.slice(start, to), span: { start, end: to }, attached: at >= layout.attachedFrom });
    else comments = [];
  }
  return comments;
}

function reportBlanks(file: FileContext, layout: InstructionLayout): void {
  for (const { start, end } of layout.physical.blanks) {
    const span = { start, end: contentEnd(file.text, start, end) };
    file.diagnostics.warning('parse/empty-continuation', 'Empty continuation line', span, {
      hint: 'remove the blank line, or put a # on it to separate',
    });
  }
}

/** False when a body is missing (P-55); openers in the last line of a file never get a token. */
function reportUnterminated(file: FileContext, source: MappedText, split: SplitLine, bodies: readonly HeredocBody[]): boolean {
  const last = bodies.at(-1);
  const openers = bodies.length === 0 ? findHeredocs(source, split) : [];
  const open = last?.terminated === false ? last.opener : openers[0];
  if (open === undefined) return true;
  file.diagnostics.error('parse/unterminated-heredoc', 'unterminated heredoc', spanOf(source, open.start, open.end), {
    hint: terminatorHint(file, open, last?.content.start ?? file.text.length),
  });
  return false;
}

/** Says so when the terminator is there but has blanks around it. */
function terminatorHint({ text }: FileContext, { name, chomp }: HeredocOpener, from: number): string {
  for (let at = from, lines = 0; at < text.length && lines < MOST_TERMINATORS; at = nextLine(text, at), lines += 1) {
    if (text.slice(at, contentEnd(text, at, nextLine(text, at))).trim() !== name) continue;
    const number = text.slice(0, at).split('\n').length;
    return `line ${number} has blanks beside ${name}: remove them${chomp ? '' : ', or write <<- and indent with tabs'}`;
  }
  return `end it with a line that holds only ${name}${chomp ? ', which may be indented by tabs' : ''}`;
}

/** Lines that are looked at. */
const MOST_TERMINATORS = 10_000;

/** In a run of unknown instructions only those with a near name are told: the rest is one mistake. */
function reportUnknown(file: FileContext, base: InstructionBase, source: MappedText, afterUnknown: boolean): void {
  const { text, span } = base.keyword;
  const near = suggest(text, Object.keys(INSTRUCTIONS));
  if (near === null && afterUnknown) return;
  const shown = text.length > 60 ? `${text.slice(0, 60)}…` : text;
  const where: Range = span.end > span.start ? span : { start: base.span.start, end: Math.max(base.span.end, base.span.start) };
  const hint = near === null ? 'if this continues the line above, end that line with the escape character' : `did you mean ${near}?`;
  const better = near === null ? hintForLine(source.text.trimStart()) : null;
  file.diagnostics.error('parse/unknown-instruction', `unknown instruction: ${shown}`, where, { hint: better ?? hint });
}

/** For lines that are no misspelt instruction. */
function hintForLine(line: string): string | null {
  if (/^(?:<{7}|={7}|>{7})(?:\s|$)/.test(line)) return 'a merge left this line: resolve the conflict';
  return /^\w+=/.test(line) ? 'to set a variable write ENV or ARG in front of it' : null;
}
