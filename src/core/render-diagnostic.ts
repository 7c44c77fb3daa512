// A diagnostic as people read it: headline, place, the source lines with the exact span underlined,
// then notes and hint. Pure text in, text out; source and messages are untrusted.
import type { Diagnostic } from './diagnostic.ts';
import { type Cell, displayCells, displayText } from './display-text.ts';
import { lineStarts, positionAt, type SourceFile, type Span } from './span.ts';

export interface RenderOptions {
  readonly color: boolean;
}

/** Columns of source shown; longer lines are cut around the underlined part. */
const WINDOW = 120;
/** Columns kept before the underlined part of a cut line. */
const LEAD = 30;
/** Lines of a long span that are shown. */
const MAX_LINES = 6;
/** Stands for lines left out. */
const GAP = '...';

interface Mark {
  readonly span: Span;
  readonly text: string;
  readonly primary: boolean;
}

interface Paint {
  readonly headline: (text: string) => string;
  readonly strong: (text: string) => string;
  readonly gutter: (text: string) => string;
  readonly primary: (text: string) => string;
  readonly secondary: (text: string) => string;
}

/** Several lines without a newline at the end. */
export function renderDiagnostic(diagnostic: Diagnostic, file: SourceFile, options: RenderOptions): string {
  const paint = paintFor(diagnostic, options.color);
  const head = `${paint.headline(`${diagnostic.severity}[${diagnostic.code}]`)}${paint.strong(`: ${displayText(diagnostic.message)}`)}`;
  const { span } = diagnostic;
  const extras = extraLines(diagnostic);
  if (span === undefined)
    return [head, ` ${paint.gutter('-->')} ${displayText(file.name)}`, ...extras.map((line) => `  ${paint.gutter('=')} ${line}`)].join(
      '\n',
    );
  const starts = lineStarts(file);
  const marks: Mark[] = [
    { span, text: '', primary: true },
    ...(diagnostic.labels ?? []).map((label) => ({ span: label.span, text: displayText(label.text), primary: false })),
  ];
  const rows = sourceRows(file, starts, marks, paint);
  const gutterWidth = Math.max(1, ...rows.map((row) => (row.gutter === GAP ? 0 : row.gutter.length)));
  const blank = ' '.repeat(gutterWidth);
  const { line, column } = positionAt(starts, clamp(span.start, file));
  return [
    head,
    `${blank}${paint.gutter('-->')} ${displayText(file.name)}:${line}:${column}`,
    `${blank} ${paint.gutter('|')}`,
    ...rows.map((row) => `${paint.gutter(`${row.gutter.padStart(gutterWidth)} ${row.gutter === GAP ? '' : '|'}`)} ${row.text}`.trimEnd()),
    ...(extras.length === 0 ? [] : [`${blank} ${paint.gutter('|')}`]),
    ...extras.map((text) => `${blank} ${paint.gutter('=')} ${text}`),
  ].join('\n');
}

function extraLines(diagnostic: Diagnostic): string[] {
  const notes = (diagnostic.notes ?? []).map((note) => `note: ${displayText(note)}`);
  return diagnostic.hint === undefined ? notes : [...notes, `hint: ${displayText(diagnostic.hint)}`];
}

const clamp = (offset: number, file: SourceFile): number => Math.min(Math.max(offset, 0), file.text.length);

interface Row {
  readonly gutter: string;
  readonly text: string;
}

/** Source lines with a mark, each followed by its underlines; gaps show as `...`. */
function sourceRows(file: SourceFile, starts: readonly number[], marks: readonly Mark[], paint: Paint): Row[] {
  const byLine = marksByLine(file, starts, marks);
  const numbers = [...byLine.keys()].sort((a, b) => a - b);
  const rows: Row[] = [];
  let previous: number | null = null;
  for (const number of numbers) {
    if (previous !== null && number > previous + 1) rows.push({ gutter: GAP, text: '' });
    rows.push(...lineRows(lineText(file, starts, number), number, byLine.get(number) ?? [], paint));
    previous = number;
  }
  return rows;
}

interface LineMark {
  /** UTF-16 offsets within the line. */
  readonly from: number;
  readonly to: number;
  readonly text: string;
  readonly primary: boolean;
}

function marksByLine(file: SourceFile, starts: readonly number[], marks: readonly Mark[]): Map<number, LineMark[]> {
  const byLine = new Map<number, LineMark[]>();
  for (const mark of marks) {
    const start = clamp(mark.span.start, file);
    const end = Math.max(start, clamp(mark.span.end, file));
    const first = positionAt(starts, start).line;
    const last = end > start ? positionAt(starts, end - 1).line : first;
    for (let line = first; line <= last; line += 1) {
      // Of a long span the beginning and the last line are enough.
      if (line - first >= MAX_LINES - 1 && line !== last) line = last;
      const base = starts[line - 1] ?? 0;
      const length = lineText(file, starts, line).length;
      const from = Math.max(start - base, 0);
      const to = Math.min(end - base, length);
      const text = line === last ? mark.text : '';
      const entry = { from: Math.min(from, length), to: Math.max(to, Math.min(from, length)), text, primary: mark.primary };
      byLine.set(line, [...(byLine.get(line) ?? []), entry]);
    }
  }
  return byLine;
}

function lineText(file: SourceFile, starts: readonly number[], line: number): string {
  const start = starts[line - 1] ?? 0;
  const end = starts[line] === undefined ? file.text.length : starts[line] - 1;
  const text = file.text.slice(start, end);
  return text.endsWith('\r') ? text.slice(0, -1) : text;
}

function lineRows(line: string, number: number, marks: readonly LineMark[], paint: Paint): Row[] {
  const cells = displayCells(line);
  const focus = marks.find((mark) => mark.primary) ?? marks[0];
  const window = windowOf(cells, focus?.from ?? 0);
  const rows: Row[] = [{ gutter: `${number}`, text: window.text }];
  for (const mark of marks) {
    const from = Math.max(columnOf(cells, mark.from), window.start);
    const to = Math.min(columnOf(cells, mark.to), window.end);
    if (from > window.end) continue;
    const underline = (mark.primary ? '^' : '-').repeat(Math.max(to - from, 1));
    const color = mark.primary ? paint.primary : paint.secondary;
    const label = mark.text === '' ? underline : `${underline} ${mark.text}`;
    rows.push({ gutter: '', text: `${' '.repeat(from - window.start + window.shift)}${color(label)}` });
  }
  return rows;
}

/** Column at which the character at `offset` begins; the line's width past its end. */
function columnOf(cells: readonly Cell[], offset: number): number {
  let column = 0;
  for (const cell of cells) {
    if (cell.offset >= offset) return column;
    column += cell.width;
  }
  return column;
}

interface Window {
  readonly text: string;
  /** Columns of the full line that are shown. */
  readonly start: number;
  readonly end: number;
  /** Columns that the leading ellipsis takes. */
  readonly shift: number;
}

function windowOf(cells: readonly Cell[], focus: number): Window {
  const width = columnOf(cells, Number.POSITIVE_INFINITY);
  if (width <= WINDOW) return { text: cells.map((cell) => cell.text).join(''), start: 0, end: width, shift: 0 };
  const wanted = Math.max(0, Math.min(columnOf(cells, focus) - LEAD, width - WINDOW));
  let column = 0;
  let start = -1;
  let end = 0;
  let text = '';
  for (const cell of cells) {
    if (column >= wanted && column + cell.width <= wanted + WINDOW) {
      if (start === -1) start = column;
      text += cell.text;
      end = column + cell.width;
    }
    column += cell.width;
  }
  const cutBefore = start > 0;
  return { text: `${cutBefore ? '…' : ''}${text}${end < width ? '…' : ''}`, start, end, shift: cutBefore ? 1 : 0 };
}

function paintFor(diagnostic: Diagnostic, color: boolean): Paint {
  const code = (sequence: string) => (text: string) => (color && text !== '' ? `\u001b[${sequence}m${text}\u001b[0m` : text);
  const severity = diagnostic.severity === 'error' ? '31' : '33';
  return { headline: code(`1;${severity}`), strong: code('1'), gutter: code('34'), primary: code(`1;${severity}`), secondary: code('36') };
}
