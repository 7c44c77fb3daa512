// Words of ENV, LABEL and ARG: blanks inside quotes or after the escape character do not split, and
// quotes stay in the text because expansion needs them. `${…}` is not special here (V-16 as corrected).
import { isSpace } from './blanks.ts';
import type { Escape, Range } from './mapped-text.ts';

const SINGLE = 0x27;
const DOUBLE = 0x22;

/** Raw words with their quotes; an escape character at the very end is dropped. */
export function splitQuotedWords(text: string, range: Range, escapeChar: Escape): Range[] {
  const escapeCode = escapeChar.charCodeAt(0);
  const words: Range[] = [];
  let at = range.start;
  while (at < range.end) {
    if (isSpace(text.charCodeAt(at))) {
      at += 1;
      continue;
    }
    const start = at;
    let end = range.end;
    let quote = 0;
    for (; at < range.end; at += 1) {
      const code = text.charCodeAt(at);
      if (quote === 0 && isSpace(code)) {
        end = at;
        break;
      }
      if (code === escapeCode && quote !== SINGLE) {
        if (at + 1 === range.end) end = at;
        else at += 1;
      } else if (quote !== 0) {
        if (code === quote) quote = 0;
      } else if (code === SINGLE || code === DOUBLE) quote = code;
    }
    if (end > start) words.push({ start, end });
  }
  return words;
}
