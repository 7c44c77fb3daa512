// `--format=github`: workflow commands that GitHub shows at the lines of a pull request.
import type { SourceFile } from '../../core/span.ts';
import { type Finding, lastLine, placeOf } from './findings.ts';

const LEVELS = { error: 'error', check: 'warning', advice: 'notice' } as const;

/** One line each; nothing when there is nothing to say. */
export function githubAnnotations(findings: readonly Finding[], file: SourceFile): string {
  return findings.map((finding) => `${annotation(finding, file)}\n`).join('');
}

function annotation({ kind, id, diagnostic }: Finding, file: SourceFile): string {
  const place = placeOf(diagnostic, file);
  const where = place === null ? {} : { line: place.line, endLine: lastLine(place), ...columns(place) };
  const level = diagnostic.severity === 'error' ? 'error' : LEVELS[kind];
  const properties = Object.entries({ file: file.name, ...where, title: id }).map(([name, value]) => `${name}=${property(String(value))}`);
  const hint = diagnostic.hint === undefined ? '' : `\n${diagnostic.hint}`;
  return `::${level} ${properties.join(',')}::${data(diagnostic.message + hint)}`;
}

/** GitHub takes columns only within one line. */
const columns = (place: {
  readonly line: number;
  readonly endLine: number;
  readonly column: number;
  readonly endColumn: number;
}): object => (place.line === place.endLine ? { col: place.column, endColumn: place.endColumn } : {});

const data = (text: string): string => text.replaceAll('%', '%25').replaceAll('\r', '%0D').replaceAll('\n', '%0A');
const property = (text: string): string => data(text).replaceAll(':', '%3A').replaceAll(',', '%2C');
