// `--call=check,format=json`: the members that Docker writes, and `advice` beside `warnings`.
import type { SourceFile, Span } from '../../core/span.ts';
import { infoOf } from './code-info.ts';
import { instructionLocation, type Location, printJson, sourceWithName } from './docker-json.ts';
import { type Finding, violationOf } from './findings.ts';
import { inMetOrder } from './met-order.ts';
import { ruleDescription } from './rule-descriptions.ts';

/** `instructions`: their places, because Docker points at whole instructions. */
export function checkJson(findings: readonly Finding[], file: SourceFile, instructions: readonly Span[]): string {
  const places = (span: Span | undefined): Location => instructionLocation(span, instructions, file);
  const error = buildError(findings, places);
  const warnings = inMetOrder(findings.filter(({ kind }) => kind === 'check')).map((finding) => warning(finding, places));
  const advice = findings.filter(({ kind }) => kind === 'advice').map((finding) => warning(finding, places));
  return printJson({
    warnings: warnings.length === 0 ? null : warnings,
    sources: [sourceWithName(file)],
    ...(error !== null && { buildError: error }),
    ...(advice.length > 0 && { advice }),
  });
}

type Places = (span: Span | undefined) => Location;

function warning({ id, url, diagnostic }: Finding, places: Places): Record<string, unknown> {
  const location = places(diagnostic.span);
  return {
    ruleName: id,
    description: ruleDescription(id) ?? infoOf(diagnostic).title,
    ...(url !== undefined && { url }),
    detail: diagnostic.message,
    // Docker notices blank lines only when the instruction ends.
    location: id === 'NoEmptyContinuation' ? { ranges: location.ranges?.slice(-1) ?? [] } : location,
  };
}

/** What fails the check, in Docker's words: the first error, or the list of rules when checks count as errors. */
function buildError(findings: readonly Finding[], places: Places): { message: string; location: Location } | null {
  const first = findings.find(({ kind }) => kind === 'error');
  if (first === undefined) {
    const violation = violationOf(findings);
    return violation === null ? null : { message: violation, location: {} };
  }
  const { code, message, hint, span } = first.diagnostic;
  const ofFile = code.startsWith('parse/no-');
  const location = places(span ?? (ofFile ? { start: 0, end: 0 } : undefined));
  const line = location.ranges?.[0]?.start.line;
  const prefix = code.startsWith('parse/') && !ofFile ? `dockerfile parse error on line ${line}: ` : '';
  const guess = hint?.startsWith('did you mean ') ? ` (${hint.replace(' --', ' ')})` : '';
  return { message: `${prefix}${message}${guess}`, location };
}
