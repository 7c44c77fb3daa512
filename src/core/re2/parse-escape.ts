// `\n`, `\x{1F600}`, `\.`: escapes that stand for one character.
import { Re2Problem } from './re2-node.ts';

const CONTROL: Readonly<Record<string, number>> = { a: 7, f: 12, n: 10, r: 13, t: 9, v: 11 };
const LAST = 0x10ffff;

/** `at` is the backslash. Throws Re2Problem for an escape that Go does not know. */
export function readEscape(chars: readonly string[], at: number): { readonly code: number; readonly next: number } {
  const char = chars[at + 1];
  if (char === undefined) throw new Re2Problem('ends with a backslash');
  const control = CONTROL[char];
  if (control !== undefined) return { code: control, next: at + 2 };
  const rest = chars.slice(at + 1, at + 14).join('');
  const hex = /^x(?:\{0*([0-9a-fA-F]{1,8})\}|([0-9a-fA-F]{2}))/.exec(rest);
  if (hex !== null) {
    const code = Number.parseInt(hex[1] ?? hex[2] ?? '', 16);
    if (code <= LAST) return { code, next: at + 1 + hex[0].length };
  }
  const octal = /^0[0-7]{0,2}|^[1-7][0-7]{1,2}/.exec(rest);
  if (octal !== null) return { code: Number.parseInt(octal[0], 8), next: at + 1 + octal[0].length };
  if (char > '\x7f' || /[0-9A-Za-z]/.test(char)) throw new Re2Problem(`has an escape that is not known: \\${char}`);
  return { code: char.charCodeAt(0), next: at + 2 };
}
