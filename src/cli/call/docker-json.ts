// Pieces that the JSON answers of --call share: locations and sources as BuildKit writes them.
import { basename } from 'node:path';
import type { SourceFile, Span } from '../../core/span.ts';
import { lineStarts, positionAt } from '../../core/span.ts';

export interface Location {
  readonly ranges?: readonly { readonly start: { readonly line: number }; readonly end: { readonly line: number } }[];
}

export function locationOf(span: Span | undefined, file: SourceFile): Location {
  if (span === undefined) return {};
  const starts = lineStarts(file);
  const end = positionAt(starts, Math.max(span.start, span.end - 1)).line;
  return { ranges: [{ start: { line: positionAt(starts, span.start).line }, end: { line: end } }] };
}

const base64 = (text: string): string => Buffer.from(text, 'utf8').toString('base64');

export const sourceWithName = (file: SourceFile): { readonly filename: string; readonly data: string; readonly language: string } => ({
  filename: basename(file.name),
  data: base64(file.text),
  language: 'Dockerfile',
});

export const sourceData = (file: SourceFile): string => base64(file.text);

export const printJson = (value: unknown): string => `${JSON.stringify(value, null, 2)}\n`;
