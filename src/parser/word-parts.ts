// Small facts about words that the parser and later passes share.
import type { Word, WordPart } from './ast.ts';

/** Appends text, joining neighbours of the same kind so that equal words have equal parts. */
export function addLiteral(parts: WordPart[], text: string, quoted: boolean): void {
  const last = parts[parts.length - 1];
  if (last?.type === 'literal' && last.quoted === quoted) parts[parts.length - 1] = { type: 'literal', text: last.text + text, quoted };
  else parts.push({ type: 'literal', text, quoted });
}

/** The text of a word that needs no expansion, else null. */
export function literalText(word: Word): string | null {
  let text = '';
  for (const part of word.parts) {
    if (part.type !== 'literal') return null;
    text += part.text;
  }
  return text;
}
