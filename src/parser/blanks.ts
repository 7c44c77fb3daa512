// What counts as blank. BuildKit trims by Unicode white space but splits words at ASCII blanks only
// (P-30), so both notions are needed.
import type { Range } from './mapped-text.ts';

/** Unicode White_Space, which is not JavaScript's `\s`: U+0085 belongs to it, U+FEFF does not. */
export function isSpace(code: number): boolean {
  if (code <= 0x20) return code === 0x20 || (code >= 0x09 && code <= 0x0d);
  if (code < 0x1680) return code === 0x85 || code === 0xa0;
  return (
    code === 0x1680 ||
    (code >= 0x2000 && code <= 0x200a) ||
    code === 0x2028 ||
    code === 0x2029 ||
    code === 0x202f ||
    code === 0x205f ||
    code === 0x3000
  );
}

/** Space, tab, VT, FF, CR: what separates words. */
export const isBlank = (code: number): boolean => code === 0x20 || code === 0x09 || (code >= 0x0b && code <= 0x0d);

export function skipSpaces(text: string, at: number, end: number): number {
  let next = at;
  while (next < end && isSpace(text.charCodeAt(next))) next += 1;
  return next;
}

export function trimRange(text: string, start: number, end: number): Range {
  const from = skipSpaces(text, start, end);
  let to = end;
  while (to > from && isSpace(text.charCodeAt(to - 1))) to -= 1;
  return { start: from, end: to };
}

export function isAllSpace(text: string, start: number, end: number): boolean {
  return skipSpaces(text, start, end) === end;
}

/** Words of a trimmed range, separated by ASCII blanks; quotes mean nothing here (V-16 as corrected). */
export function splitBlanks(text: string, range: Range): Range[] {
  const words: Range[] = [];
  let at = range.start;
  while (at < range.end) {
    while (at < range.end && isBlank(text.charCodeAt(at))) at += 1;
    const start = at;
    while (at < range.end && !isBlank(text.charCodeAt(at))) at += 1;
    if (at > start) words.push({ start, end: at });
  }
  return words;
}
