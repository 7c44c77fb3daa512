// Diagnostics as the formats of --call=check show them: one list, with the rule and where it is documented.

import { type CheckRule, isAdvice, ruleOf } from '../../core/check-rules.ts';
import type { Diagnostic } from '../../core/diagnostic.ts';
import { lineStarts, positionAt, type SourceFile } from '../../core/span.ts';

export interface Finding {
  /** 'error': the file cannot be built; 'check': one of Docker's rules; 'advice': one of ours. */
  readonly kind: 'error' | 'check' | 'advice';
  /** Rule as written in `# check=skip=…`; for errors the code. */
  readonly id: string;
  /** Docker's page on the rule. */
  readonly url?: string;
  readonly diagnostic: Diagnostic;
}

export function findingsOf(diagnostics: readonly Diagnostic[]): Finding[] {
  return diagnostics.map((diagnostic) => {
    const rule = ruleOf(diagnostic.code);
    if (rule === undefined) return { kind: 'error', id: diagnostic.code, diagnostic };
    if (isAdvice(rule)) return { kind: 'advice', id: rule, diagnostic };
    return { kind: 'check', id: rule, ...(rule !== WITHOUT_PAGE && { url: ruleUrl(rule) }), diagnostic };
  });
}

const WITHOUT_PAGE: CheckRule = 'InvalidBaseImagePlatform';

export const ruleUrl = (rule: string): string => `https://docs.docker.com/go/dockerfile/rule/${kebab(rule)}/`;

/** `JSONArgsRecommended` → `json-args-recommended`. */
const kebab = (name: string): string => name.replace(/([a-z0-9])([A-Z])|([A-Z])([A-Z][a-z])/g, '$1$3-$2$4').toLowerCase();

/** Why checks that count as errors fail the check, or null. */
export function violationOf(findings: readonly Finding[]): string | null {
  const rules = findings.filter(({ kind, diagnostic }) => kind === 'check' && diagnostic.severity === 'error').map(({ id }) => id);
  return rules.length === 0 ? null : `lint violation found for rules: ${[...new Set(rules)].join(', ')}`;
}

/** One-based; columns count UTF-16 units; the end is exclusive. */
export interface Place {
  readonly line: number;
  readonly column: number;
  readonly endLine: number;
  readonly endColumn: number;
}

export function placeOf({ span }: Diagnostic, file: SourceFile): Place | null {
  if (span === undefined) return null;
  const starts = lineStarts(file);
  const start = positionAt(starts, span.start);
  const end = positionAt(starts, Math.max(span.end, span.start));
  return { line: start.line, column: start.column, endLine: end.line, endColumn: end.column };
}

/** The last line that belongs to a span; one that ends with a newline does not reach into the next. */
export const lastLine = ({ line, endLine, endColumn }: Place): number => (endColumn === 1 && endLine > line ? endLine - 1 : endLine);
