// Checks on stage names (W-01, W-02, W-05, W-06).
import type { FromInstruction } from '../../parser/ast.ts';
import type { Reporter } from '../reporter.ts';
import type { Stage } from '../stages.ts';

const RESERVED = new Set(['scratch', 'context']);

export function checkStageName(from: FromInstruction, earlier: Stage | undefined, reporter: Reporter): void {
  if (from.as === undefined) return;
  const { keyword, name } = from.as;
  const lower = name.text.toLowerCase();
  if (name.text !== lower) reporter.warn('StageNameCasing', name.span, `Stage name '${name.text}' should be lowercase`);
  if (isUpper(keyword.text) !== isUpper(from.keyword.text) || !isUniform(keyword.text)) {
    const message = `'${keyword.text}' and '${from.keyword.text}' keywords' casing do not match`;
    reporter.warn('FromAsCasing', keyword.span, message);
  }
  if (RESERVED.has(lower))
    reporter.warn('ReservedStageName', name.span, `Stage name should not use the same name as reserved stage "${lower}"`);
  if (earlier?.from.as !== undefined) {
    reporter.warn('DuplicateStageName', name.span, `Duplicate stage name "${lower}", stage names should be unique`, {
      labels: [{ span: earlier.from.as.name.span, text: 'first used here' }],
    });
  }
}

const isUpper = (text: string): boolean => text === text.toUpperCase();
const isUniform = (text: string): boolean => isUpper(text) || text === text.toLowerCase();
