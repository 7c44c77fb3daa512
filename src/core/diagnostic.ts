// Problems of what the user wrote, as plain data. Parser and planner return all of them; only the
// CLI renders. Codes are mnemonic and never renumbered; `codes.ts` lists them.
import type { DiagnosticCode, ErrorCode } from './codes.ts';
import type { Span } from './span.ts';

export type Severity = 'error' | 'warning';

export interface Label {
  readonly span: Span;
  readonly text: string;
}

export interface Diagnostic {
  readonly code: DiagnosticCode | ErrorCode;
  readonly severity: Severity;
  readonly message: string;
  /** Absent when the problem has no place in the Dockerfile (an empty file, a flag). */
  readonly span?: Span;
  readonly labels?: readonly Label[];
  readonly notes?: readonly string[];
  readonly hint?: string;
}

export const hasErrors = (diagnostics: readonly Diagnostic[]): boolean => diagnostics.some((diagnostic) => diagnostic.severity === 'error');

/** Source order; a stable sort keeps the order of discovery within one place. */
export const sortDiagnostics = (diagnostics: readonly Diagnostic[]): Diagnostic[] =>
  diagnostics.toSorted((a, b) => (a.span?.start ?? -1) - (b.span?.start ?? -1));
