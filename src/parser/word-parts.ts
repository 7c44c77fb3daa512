// Building the parts of a word.
import type { WordPart } from './ast.ts';

/** Appends text, joining neighbours of the same kind so that equal words have equal parts. */
export function addLiteral(parts: WordPart[], text: string, quoted: boolean): void {
  const last = parts[parts.length - 1];
  if (last?.type === 'literal' && last.quoted === quoted) parts[parts.length - 1] = { type: 'literal', text: last.text + text, quoted };
  else parts.push({ type: 'literal', text, quoted });
}
