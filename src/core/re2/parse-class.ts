// Classes in brackets and `\p{…}`.
import { perlClass, posixClass, rangeOf, type SetItem, unicodeClass } from './char-set.ts';
import { readEscape } from './parse-escape.ts';
import { Re2Problem } from './re2-node.ts';

interface ReadItem {
  readonly item: SetItem;
  readonly next: number;
}

/** `at` is the opening bracket. */
export function readClass(
  chars: readonly string[],
  at: number,
): { readonly set: { readonly items: readonly SetItem[]; readonly negated: boolean }; readonly next: number } {
  const negated = chars[at + 1] === '^';
  const items: SetItem[] = [];
  let next = at + (negated ? 2 : 1);
  for (let first = true; first || chars[next] !== ']'; first = false) {
    if (next >= chars.length) throw new Re2Problem('has a [ without its ]');
    const read = readNamed(chars, next) ?? readRange(chars, next);
    items.push(read.item);
    next = read.next;
  }
  return { set: { items, negated }, next: next + 1 };
}

/** `[:alpha:]`, `\d` and `\pL` inside the brackets. */
function readNamed(chars: readonly string[], at: number): ReadItem | null {
  if (chars[at] === '[' && chars[at + 1] === ':') {
    const text = /^\[:(\^?)(.*?):\]/s.exec(chars.slice(at).join(''));
    if (text === null) return null;
    const item = posixClass(text[2] ?? '', text[1] === '^');
    if (item === null) throw new Re2Problem(`has a class that is not known: ${text[0]}`);
    return { item, next: at + Array.from(text[0]).length };
  }
  if (chars[at] !== '\\') return null;
  const letter = chars[at + 1] ?? '';
  if (letter === 'p' || letter === 'P') return readUnicodeClass(chars, at);
  const item = perlClass(letter);
  return item === null ? null : { item, next: at + 2 };
}

function readRange(chars: readonly string[], at: number): ReadItem {
  const low = readMember(chars, at);
  if (chars[low.next] !== '-' || chars[low.next + 1] === ']' || low.next + 1 >= chars.length)
    return { item: rangeOf(low.code, low.code), next: low.next };
  const high = readMember(chars, low.next + 1);
  if (high.code < low.code) throw new Re2Problem(`has a range that ends before it begins: ${chars.slice(at, high.next).join('')}`);
  return { item: rangeOf(low.code, high.code), next: high.next };
}

function readMember(chars: readonly string[], at: number): { readonly code: number; readonly next: number } {
  const char = chars[at];
  if (char === undefined) throw new Re2Problem('has a [ without its ]');
  return char === '\\' ? readEscape(chars, at) : { code: char.codePointAt(0) ?? 0, next: at + 1 };
}

/** `\pL`, `\p{Greek}`, `\PN`, `\p{^L}`. `at` is the backslash. */
export function readUnicodeClass(chars: readonly string[], at: number): ReadItem {
  const end = chars[at + 2] === '{' ? chars.indexOf('}', at + 3) : at + 2;
  const text = end === -1 ? '' : chars.slice(at + 2, end + 1).join('');
  const [, caret, name = text] = /^\{(\^?)(.*)\}$/s.exec(text) ?? [];
  const item = unicodeClass(name, (chars[at + 1] === 'P') !== (caret === '^'));
  if (item === null) throw new Re2Problem(`has a class that is not known: ${chars.slice(at, at + 2).join('')}${text}`);
  return { item, next: end + 1 };
}
