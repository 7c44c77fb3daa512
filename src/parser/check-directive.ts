// The value of `# check=` and of the build argument that replaces it (P-10, P-11), and of
// `# check=skip=…` comments above an instruction (P-12).
import type { Directive, Instruction } from './ast.ts';
import type { Report } from './instruction-input.ts';

/** Rule names as written, or all of them. */
export type RuleSelection = 'all' | readonly string[];

export interface CheckSettings {
  readonly skip: RuleSelection;
  /** Warnings of lint rules fail the build. */
  readonly error: boolean;
  readonly experimental: RuleSelection;
}

export const DEFAULT_CHECK: CheckSettings = { skip: [], error: false, experimental: [] };

const TRUE = /^(?:1|t|T|true|TRUE|True)$/;
const FALSE = /^(?:0|f|F|false|FALSE|False)$/;
const HINT = 'write `# check=skip=Rule,Rule;error=true`';

/**
 * Settings of a `check` value; malformed parts are reported (when `report` is given) and left out.
 * Pass `{ value, valueSpan }` of the directive, or a value without place for the build argument.
 */
export function parseCheckDirective(directive: Pick<Directive, 'value' | 'valueSpan'>, report?: Report): CheckSettings {
  let settings = DEFAULT_CHECK;
  const parts = directive.value.split(';');
  const complain = (text: string, at: number): void =>
    report?.(
      'parse/invalid-check',
      `invalid check option "${text}"`,
      { start: directive.valueSpan.start + at, end: directive.valueSpan.start + at + text.length },
      { hint: HINT },
    );
  if (parts.length > 3) {
    complain(directive.value, 0);
    return settings;
  }
  let at = 0;
  for (const part of parts) {
    const [key = '', ...rest] = part.trim().split('=');
    const value = rest.join('=').trim();
    const name = key.trim().toLowerCase();
    if (rest.length > 0 && name === 'skip') settings = { ...settings, skip: ruleSelection(value) };
    else if (rest.length > 0 && name === 'experimental') settings = { ...settings, experimental: ruleSelection(value) };
    else if (rest.length > 0 && name === 'error' && (TRUE.test(value) || FALSE.test(value)))
      settings = { ...settings, error: TRUE.test(value) };
    else complain(part, at);
    at += part.length + 1;
  }
  return settings;
}

const ruleSelection = (value: string): RuleSelection => {
  const rules = value.split(',').map((rule) => rule.trim());
  return rules.length === 1 && rules[0] === 'all' ? 'all' : rules.filter((rule) => rule !== '');
};

/** Rules muted for one instruction by the comments right above it (P-12). */
export function skippedRules(instruction: Pick<Instruction, 'comments'>): RuleSelection {
  const rules: string[] = [];
  for (const { text, attached } of instruction.comments) {
    const match = attached && text.includes('=') ? /^check\s*=\s*skip\s*=\s*(.*)$/i.exec(text) : null;
    if (match === null) continue;
    const selection = ruleSelection(match[1] ?? '');
    if (selection === 'all') return 'all';
    rules.push(...selection);
  }
  return rules;
}
