// `--format=sarif`: SARIF 2.1.0, for code scanning services and editors.
import type { SourceFile } from '../../core/span.ts';
import { infoOf } from './code-info.ts';
import { printJson } from './docker-json.ts';
import { type Finding, placeOf } from './findings.ts';

const LEVELS = { error: 'error', check: 'warning', advice: 'note' } as const;

export function sarifLog(findings: readonly Finding[], file: SourceFile): string {
  const rules = [...new Map(findings.map((finding) => [finding.id, finding])).values()];
  const index = new Map(rules.map(({ id }, at) => [id, at]));
  return printJson({
    $schema: 'https://json.schemastore.org/sarif-2.1.0.json',
    version: '2.1.0',
    runs: [
      {
        tool: { driver: { name: 'tsbuild', rules: rules.map(rule) } },
        columnKind: 'utf16CodeUnits',
        results: findings.map((finding) => result(finding, index.get(finding.id) ?? 0, file)),
      },
    ],
  });
}

const rule = ({ id, kind, url, diagnostic }: Finding): Record<string, unknown> => {
  const { title, explanation } = infoOf(diagnostic);
  return {
    id,
    shortDescription: { text: title },
    fullDescription: { text: explanation },
    ...(url !== undefined && { helpUri: url }),
    defaultConfiguration: { level: LEVELS[kind] },
  };
};

function result({ id, kind, diagnostic }: Finding, ruleIndex: number, file: SourceFile): Record<string, unknown> {
  const place = placeOf(diagnostic, file);
  const region = place && { startLine: place.line, startColumn: place.column, endLine: place.endLine, endColumn: place.endColumn };
  return {
    ruleId: id,
    ruleIndex,
    level: diagnostic.severity === 'error' ? 'error' : LEVELS[kind],
    message: { text: diagnostic.hint === undefined ? diagnostic.message : `${diagnostic.message}\n${diagnostic.hint}` },
    locations: [
      {
        physicalLocation: {
          artifactLocation: { uri: file.name.split('/').map(encodeURIComponent).join('/') },
          ...(region !== null && { region }),
        },
      },
    ],
  };
}
