// `--call=check,format=json`: the members that Docker writes, and `advice` beside `warnings`.
import type { SourceFile } from '../../core/span.ts';
import { locationOf, printJson, sourceWithName } from './docker-json.ts';
import type { Finding } from './findings.ts';

export function checkJson(findings: readonly Finding[], file: SourceFile): string {
  const error = buildError(findings, file);
  const warnings = findings.filter(({ kind }) => kind === 'check').map((finding) => warning(finding, file));
  const advice = findings.filter(({ kind }) => kind === 'advice').map((finding) => warning(finding, file));
  return printJson({
    warnings,
    sources: [sourceWithName(file)],
    ...(error !== null && { buildError: error }),
    ...(advice.length > 0 && { advice }),
  });
}

const warning = ({ id, info, url, diagnostic }: Finding, file: SourceFile): Record<string, unknown> => ({
  ruleName: id,
  description: info.title,
  ...(url !== undefined && { url }),
  detail: diagnostic.message,
  location: locationOf(diagnostic.span, file),
});

/** The first error; when checks count as errors, the list of their rules. */
export function buildError(
  findings: readonly Finding[],
  file: SourceFile,
): { readonly message: string; readonly location: ReturnType<typeof locationOf> } | null {
  const first = findings.find(({ kind }) => kind === 'error');
  if (first !== undefined) return { message: first.diagnostic.message, location: locationOf(first.diagnostic.span, file) };
  const rules = findings.filter(({ kind, diagnostic }) => kind === 'check' && diagnostic.severity === 'error').map(({ id }) => id);
  return rules.length === 0 ? null : { message: `lint violation found for rules: ${[...new Set(rules)].join(', ')}`, location: {} };
}
