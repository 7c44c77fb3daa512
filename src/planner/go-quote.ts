// Go's `%q` for strings and string lists: how BuildKit prints CMD, ENTRYPOINT and HEALTHCHECK into
// history (I-07). Follows strconv.Quote.

const SHORT: Readonly<Record<string, string>> = {
  '\x07': '\\a',
  '\b': '\\b',
  '\f': '\\f',
  '\n': '\\n',
  '\r': '\\r',
  '\t': '\\t',
  '\v': '\\v',
};

/** unicode.IsPrint: letters, marks, numbers, punctuation, symbols and the ASCII blank. */
const PRINTABLE = /^[\p{L}\p{M}\p{N}\p{P}\p{S} ]$/u;

function quoteChar(char: string, delimiter: string): string {
  if (char === delimiter || char === '\\') return `\\${char}`;
  const short = SHORT[char];
  if (short !== undefined) return short;
  const code = char.codePointAt(0) ?? 0;
  // ASCII first: the Unicode tables are slow to load.
  if (code < 0x20 || code === 0x7f) return `\\x${code.toString(16).padStart(2, '0')}`;
  if (code < 0x7f || PRINTABLE.test(char)) return char;
  // A lone surrogate is a byte that was not UTF-8 (path-bytes.ts); Go prints the replacement character's escape or the byte.
  if (code >= 0xdc80 && code <= 0xdcff) return `\\x${(code - 0xdc00).toString(16)}`;
  return code < 0x10000 ? `\\u${code.toString(16).padStart(4, '0')}` : `\\U${code.toString(16).padStart(8, '0')}`;
}

/** `"text"` with Go escapes. */
export function goQuote(text: string): string {
  let out = '"';
  for (const char of text) out += quoteChar(char, '"');
  return `${out}"`;
}

/** `["a" "b"]`; an empty or absent list is `[]`. */
export const goQuoteList = (items: readonly string[]): string => `[${items.map(goQuote).join(' ')}]`;

/** `'\x03'`: a number printed as `%q` is a rune literal; numbers that are no code point print U+FFFD. */
export function goQuoteRune(value: number): string {
  const valid = value >= 0 && value <= 0x10ffff && !(value >= 0xd800 && value <= 0xdfff);
  return `'${quoteChar(String.fromCodePoint(valid ? value : 0xfffd), "'")}'`;
}

const UNITS: readonly (readonly [string, number])[] = [
  ['h', 3600e9],
  ['m', 60e9],
];

/** Go's time.Duration.String for whole nanoseconds ≥ 0: `1h0m0s`, `1.5s`, `20ms`, `0s`. */
export function goDuration(nanoseconds: number): string {
  if (nanoseconds === 0) return '0s';
  if (nanoseconds < 1e3) return `${nanoseconds}ns`;
  if (nanoseconds < 1e6) return `${fraction(nanoseconds, 1e3)}µs`;
  if (nanoseconds < 1e9) return `${fraction(nanoseconds, 1e6)}ms`;
  let rest = nanoseconds;
  let out = '';
  for (const [unit, size] of UNITS) {
    const whole = Math.floor(rest / size);
    if (whole > 0 || out !== '') out += `${whole}${unit}`;
    rest -= whole * size;
  }
  return `${out}${fraction(rest, 1e9)}s`;
}

/** `value / unit` in decimal without trailing zeros and without rounding errors. */
function fraction(value: number, unit: number): string {
  const digits = Math.round(Math.log10(unit));
  const whole = Math.floor(value / unit);
  const part = String(value - whole * unit)
    .padStart(digits, '0')
    .replace(/0+$/, '');
  return part === '' ? String(whole) : `${whole}.${part}`;
}
