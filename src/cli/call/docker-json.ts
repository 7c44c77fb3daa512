// Pieces that the JSON answers of --call share: locations and sources as BuildKit writes them.
import { basename } from 'node:path';
import type { SourceFile, Span } from '../../core/span.ts';
import { lineStarts, positionAt } from '../../core/span.ts';

export interface Location {
  readonly ranges?: readonly { readonly start: { readonly line: number }; readonly end: { readonly line: number } }[];
}

/** Of definitions: from the first to the last line. */
export function locationOf(span: Span | undefined, file: SourceFile): Location {
  if (span === undefined) return {};
  const starts = lineStarts(file);
  const end = positionAt(starts, Math.max(span.start, span.end - 1)).line;
  return { ranges: [{ start: { line: positionAt(starts, span.start).line }, end: { line: end } }] };
}

/** Of problems: a range for every line of the instruction that they are in or above. */
export function instructionLocation(span: Span | undefined, instructions: readonly Span[], file: SourceFile): Location {
  if (span === undefined) return {};
  const around = instructions.find(({ end }) => span.start < end) ?? span;
  const starts = lineStarts(file);
  const first = positionAt(starts, around.start).line;
  const last = positionAt(starts, Math.max(around.start, around.end - 1)).line;
  return { ranges: Array.from({ length: last - first + 1 }, (_, at) => ({ start: { line: first + at }, end: { line: first + at } })) };
}

const base64 = (text: string): string => Buffer.from(text, 'utf8').toString('base64');

export const sourceWithName = (file: SourceFile): { readonly filename: string; readonly data: string; readonly language: string } => ({
  filename: basename(file.name),
  data: base64(file.text),
  language: 'Dockerfile',
});

export const sourceData = (file: SourceFile): string => base64(file.text);

/** As Go writes it: signs of HTML are escaped. */
export const printJson = (value: unknown): string =>
  `${JSON.stringify(value, null, 2).replace(/[<>&\u2028\u2029]/g, (sign) => `\\u${sign.charCodeAt(0).toString(16).padStart(4, '0')}`)}\n`;
