// Collects the diagnostics of one parse: bounded, so that a hostile file cannot fill memory, and sorted.
import type { DiagnosticCode } from '../core/codes.ts';
import { type Diagnostic, type Severity, sortDiagnostics } from '../core/diagnostic.ts';
import type { Span } from '../core/span.ts';
import type { DiagnosticExtras, Report } from './instruction-input.ts';

/** More than anybody reads; the rest is counted. */
export const MAX_DIAGNOSTICS = 100;

export interface DiagnosticList {
  readonly error: Report;
  readonly warning: Report;
  /** A problem of the file as a whole. */
  fileError(code: DiagnosticCode, message: string, hint: string): void;
  hasErrors(): boolean;
  /** Further diagnostics are only counted. */
  isFull(): boolean;
  finish(): Diagnostic[];
}

export function diagnosticList(): DiagnosticList {
  const found: Diagnostic[] = [];
  let dropped = 0;
  let errors = 0;
  const add = (diagnostic: Diagnostic): void => {
    if (diagnostic.severity === 'error') errors += 1;
    if (found.length < MAX_DIAGNOSTICS) found.push(diagnostic);
    else dropped += 1;
  };
  const reporter = (severity: Severity): Report => {
    return (code: DiagnosticCode, message: string, span: Span, extras: DiagnosticExtras = {}) => {
      add({ code, severity, message, span, ...extras });
    };
  };
  return {
    error: reporter('error'),
    warning: reporter('warning'),
    fileError: (code, message, hint) => add({ code, severity: 'error', message, hint }),
    hasErrors: () => errors > 0,
    isFull: () => found.length >= MAX_DIAGNOSTICS,
    finish() {
      const sorted = sortDiagnostics(found);
      if (dropped === 0) return sorted;
      const message = `${dropped} more ${dropped === 1 ? 'problem is' : 'problems are'} not shown`;
      return [
        ...sorted,
        { code: 'parse/too-many-problems', severity: errors > 0 ? 'error' : 'warning', message, hint: 'fix the first ones and try again' },
      ];
    },
  };
}
