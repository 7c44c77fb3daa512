// `--call=check` as people read it: Docker's headlines, then the place with the exact span underlined.
import { renderDiagnostic } from '../../core/render-diagnostic.ts';
import type { SourceFile } from '../../core/span.ts';
import { type Finding, placeOf, violationOf } from './findings.ts';
import { inMetOrder } from './met-order.ts';

export function checkText(findings: readonly Finding[], file: SourceFile): string {
  const errors = findings.filter(({ kind }) => kind === 'error');
  const line = (finding: Finding): number => placeOf(finding.diagnostic, file)?.line ?? 0;
  const checks = inMetOrder(findings.filter(({ kind }) => kind === 'check')).sort((a, b) => line(a) - line(b));
  const advice = findings.filter(({ kind }) => kind === 'advice');
  const violation = errors.length === 0 ? violationOf(findings) : null;
  const parts = [
    ...(errors.length === 0 ? [summary(checks.length)] : []),
    ...errors.map((finding) => block(`ERROR: ${finding.diagnostic.message}`, finding, file)),
    ...checks.map((finding) =>
      block(`WARNING: ${finding.id}${finding.url === undefined ? '' : ` - ${finding.url}`}\n${finding.diagnostic.message}`, finding, file),
    ),
    ...advice.map((finding) => block(`ADVICE: ${finding.id}\n${finding.diagnostic.message}`, finding, file)),
    ...(violation === null ? [] : [`ERROR: ${violation}`]),
  ];
  return `${parts.join('\n\n')}\n`;
}

function summary(count: number): string {
  if (count === 0) return 'Check complete, no warnings found.';
  return `Check complete, ${count === 1 ? '1 warning has' : `${count} warnings have`} been found!`;
}

/** The rendered diagnostic without its own headline. */
function block(head: string, { diagnostic }: Finding, file: SourceFile): string {
  const [, ...place] = renderDiagnostic(diagnostic, file, { color: false }).split('\n');
  return [head, ...place].join('\n');
}
