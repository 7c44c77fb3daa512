// Parser directives (`# escape=`, `# syntax=`, `# check=`), read before lexing because `escape`
// chooses the lexer. Two readers with different strictness exist, as in BuildKit (P-02, P-06, P-07).
import type { Span } from '../core/span.ts';
import type { Directive } from './ast.ts';
import { skipSpaces } from './blanks.ts';
import type { Report } from './instruction-input.ts';
import { contentEnd, nextLine } from './logical-line.ts';
import type { Escape } from './mapped-text.ts';

export interface Directives {
  readonly directives: readonly Directive[];
  readonly escapeChar: Escape;
  /** Offset where directive mode ended; comments before it are directives, not descriptions. */
  readonly end: number;
}

const FORM = /^([a-zA-Z][a-zA-Z0-9]*)\s*=\s*(.+?)\s*$/s;
const BOM = 0xfeff;

export const startOfText = (text: string): number => (text.charCodeAt(0) === BOM ? 1 : 0);

/** Reads the directives at the top of `text`; duplicates and bad escapes are reported (P-03, P-04). */
export function readDirectives(text: string, report: Report): Directives {
  const start = startOfText(text);
  const strict = readBlock(text, start, true);
  const seen = new Map<string, Directive>();
  let escapeChar: Escape = '\\';
  for (const directive of strict.found) {
    const earlier = seen.get(directive.name);
    if (earlier !== undefined) {
      report('parse/duplicate-directive', `only one ${directive.name} parser directive can be used`, directive.span, {
        labels: [{ span: earlier.span, text: 'first given here' }],
        hint: 'remove one of them',
      });
      continue;
    }
    seen.set(directive.name, directive);
    if (directive.name !== 'escape') continue;
    if (directive.value === '\\' || directive.value === '`') escapeChar = directive.value;
    else {
      report('parse/invalid-escape', `invalid escape token '${directive.value}' does not match \` or \\`, directive.valueSpan, {
        hint: 'write `# escape=\\` or `# escape=`` on a line of its own',
      });
    }
  }
  return { directives: [...effective(text, start, seen)], escapeChar, end: strict.end };
}

/** `escape` counts from the main reader; `syntax` and `check` from the one that skips `#!` and wants column one. */
function effective(text: string, start: number, strict: ReadonlyMap<string, Directive>): Directive[] {
  const shebang = text.startsWith('#!', start);
  const found = new Map<string, Directive>();
  const chosen = strict.get('escape');
  if (chosen !== undefined) found.set('escape', chosen);
  for (const directive of readBlock(text, shebang ? nextLine(text, start) : start, false).found) {
    if (directive.name !== 'escape' && !found.has(directive.name)) found.set(directive.name, directive);
  }
  return [...found.values()].sort((a, b) => a.span.start - b.span.start);
}

function readBlock(text: string, start: number, indented: boolean): { found: Directive[]; end: number } {
  const found: Directive[] = [];
  let at = start;
  while (at < text.length) {
    const next = nextLine(text, at);
    const end = contentEnd(text, at, next);
    const directive = matchDirective(text, indented ? skipSpaces(text, at, end) : at, end);
    if (directive === null) break;
    found.push(directive);
    at = next;
  }
  return { found, end: at };
}

/** The directive that a line's content from `start` (at its `#`) to `end` spells, if any. */
function matchDirective(text: string, start: number, end: number): Directive | null {
  if (text[start] !== '#' || end - start > 65_535) return null;
  const keyStart = skipSpaces(text, start + 1, end);
  const content = text.slice(keyStart, end);
  const match = FORM.exec(content);
  const name = match?.[1]?.toLowerCase();
  if (match === null || (name !== 'syntax' && name !== 'escape' && name !== 'check')) return null;
  const value = match[2] ?? '';
  const valueStart = keyStart + content.trimEnd().length - value.length;
  const span: Span = { start, end: valueStart + value.length };
  return { name, value, span, valueSpan: { start: valueStart, end: span.end } };
}
