// Physical lines to logical lines: what ends a line, what continues it (P-14, P-15, P-19) and how an
// instruction's text splits into keyword, flags and arguments (P-30, P-31).
import { isAllSpace, isBlank, skipSpaces, trimRange } from './blanks.ts';
import { type RawFlag, splitFlags } from './flags.ts';
import { type Escape, type MappedText, mappedTextBuilder, type Range } from './mapped-text.ts';

/** Offset after the newline of the line that begins at `start`. */
export function nextLine(text: string, start: number): number {
  const newline = text.indexOf('\n', start);
  return newline === -1 ? text.length : newline + 1;
}

/** End of the line's content: newline and all carriage returns before it left out. */
export function contentEnd(text: string, start: number, next: number): number {
  let end = next;
  while (end > start && (text.charCodeAt(end - 1) === 0x0a || text.charCodeAt(end - 1) === 0x0d)) end -= 1;
  return end;
}

/** Offset of the escape character when the line continues, else -1. */
function continuationAt(text: string, start: number, end: number, escapeChar: Escape): number {
  let at = end - 1;
  while (at >= start && (text.charCodeAt(at) === 0x20 || text.charCodeAt(at) === 0x09)) at -= 1;
  if (at < start || text[at] !== escapeChar) return -1;
  return at > start && text[at - 1] === escapeChar ? -1 : at;
}

export function isCommentLine(text: string, start: number, next: number): boolean {
  const at = skipSpaces(text, start, next);
  return at < next && text.charCodeAt(at) === 0x23;
}

export const isBlankLine = isAllSpace;

/** The physical lines of one instruction, newlines included. */
export interface PhysicalLines {
  /** Lines that carry text; comment and blank lines between them are left out (P-16, P-17). */
  readonly lines: readonly Range[];
  readonly blanks: readonly Range[];
  /** Offset after the last of them. */
  readonly end: number;
}

/** Reads lines from `start` up to the first that does not continue, or to the end of the file (P-18). */
export function instructionLines(text: string, start: number, escapeChar: Escape): PhysicalLines {
  const lines: Range[] = [];
  const blanks: Range[] = [];
  let at = start;
  while (at < text.length) {
    const line = { start: at, end: nextLine(text, at) };
    at = line.end;
    if (lines.length > 0 && isCommentLine(text, line.start, line.end)) continue;
    if (lines.length > 0 && isBlankLine(text, line.start, line.end)) blanks.push(line);
    else {
      lines.push(line);
      if (continuationAt(text, line.start, contentEnd(text, line.start, line.end), escapeChar) === -1) break;
    }
  }
  return { lines, blanks, end: at };
}

/** Joins the physical lines (ranges of whole lines) of one instruction; only the first is left-trimmed (P-14). */
export function joinLines(text: string, lines: readonly Range[], escapeChar: Escape): MappedText {
  const builder = mappedTextBuilder();
  let first = true;
  for (const { start, end } of lines) {
    const stop = contentEnd(text, start, end);
    const from = first ? skipSpaces(text, start, stop) : start;
    const mark = continuationAt(text, from, stop, escapeChar);
    builder.append(text.slice(from, mark === -1 ? stop : mark), from);
    first = false;
  }
  return builder.finish(lines[0] === undefined ? 0 : skipSpaces(text, lines[0].start, lines[0].end));
}

export interface SplitLine {
  readonly keyword: Range;
  readonly flags: readonly RawFlag[];
  readonly args: Range;
}

export function splitLine(source: MappedText, start = 0): SplitLine {
  const { text } = source;
  const line = trimRange(text, start, text.length);
  let end = line.start;
  while (end < line.end && !isBlank(text.charCodeAt(end))) end += 1;
  const { flags, rest } = splitFlags(source, { start: end, end: line.end });
  return { keyword: { start: line.start, end }, flags, args: trimRange(text, rest, line.end) };
}
