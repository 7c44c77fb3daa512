// Reads the text of a .dockerignore file (K-04) into rules that remember where they stood. What
// a rule's pattern means is pattern-matcher.ts's business.
import { cleanPath } from './clean-path.ts';

export interface IgnoreRule {
  /** Trimmed and cleaned, one leading `/` removed; a leading `!` makes it an exception. */
  readonly pattern: string;
  /** The line as written. */
  readonly text: string;
  /** 1-based line in the file, or place in a list of --exclude flags. */
  readonly line: number;
}

// White space as Go's strings.TrimSpace knows it; JavaScript's trim() has U+FEFF instead of U+0085.
const SPACE = '[\\t-\\r \\u0085\\u00a0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000]+';
const EDGES = new RegExp(`^${SPACE}|${SPACE}$`, 'gu');

export const trimSpace = (text: string): string => text.replace(EDGES, '');

/** Rules in file order. Comments (`#` in column 0) and blank lines are left out; malformed patterns are found when compiled. */
export function parseIgnoreFile(text: string): readonly IgnoreRule[] {
  const rules: IgnoreRule[] = [];
  const lines = (text.startsWith('\ufeff') ? text.slice(1) : text).split('\n');
  for (const [index, raw] of lines.entries()) {
    const line = raw.endsWith('\r') ? raw.slice(0, -1) : raw;
    if (line.startsWith('#')) continue;
    const trimmed = trimSpace(line);
    if (trimmed === '') continue;
    const exception = trimmed.startsWith('!');
    const body = rootless(exception ? trimSpace(trimmed.slice(1)) : trimmed);
    rules.push({ pattern: exception ? `!${body}` : body, text: line, line: index + 1 });
  }
  return rules;
}

function rootless(pattern: string): string {
  if (pattern === '') return '';
  const cleaned = cleanPath(pattern);
  return cleaned.length > 1 && cleaned.startsWith('/') ? cleaned.slice(1) : cleaned;
}
