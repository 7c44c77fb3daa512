// The part of Go's regexp syntax that ignore patterns can turn into (see ignore-pattern.ts), read
// into a flat list of atoms and run either by JavaScript's engine or, where that could backtrack
// without end, by a simulation in time proportional to atoms times text.

type Ranges = readonly (readonly [number, number])[];

/** Consumes one character (`set`), any number of them (`star`), or none (`start`, `end`, `boundary`). */
export type Atom =
  | { readonly kind: 'set'; readonly negated: boolean; readonly ranges: Ranges; readonly star: boolean }
  /** `(.*\/)?`: nothing, or anything that ends in a slash. */
  | { readonly kind: 'dirs' }
  | { readonly kind: 'start' }
  | { readonly kind: 'end' }
  | { readonly kind: 'boundary'; readonly negated: boolean };

const DIGIT: Ranges = [[0x30, 0x39]];
const LETTERS: Ranges = [
  [0x41, 0x5a],
  [0x61, 0x7a],
];
const WORD: Ranges = [...DIGIT, ...LETTERS, [0x5f, 0x5f]];
const BLANK: Ranges = [
  [9, 10],
  [12, 13],
  [32, 32],
];
const PERL: Readonly<Record<string, Ranges>> = { d: DIGIT, w: WORD, s: BLANK };
const CONTROL: Readonly<Record<string, number>> = { a: 7, f: 12, n: 10, r: 13, t: 9, v: 11 };
const POSIX: Readonly<Record<string, Ranges>> = {
  alnum: [...DIGIT, ...LETTERS],
  alpha: LETTERS,
  ascii: [[0, 0x7f]],
  blank: [
    [9, 9],
    [32, 32],
  ],
  cntrl: [
    [0, 0x1f],
    [0x7f, 0x7f],
  ],
  digit: DIGIT,
  graph: [[0x21, 0x7e]],
  lower: [[0x61, 0x7a]],
  print: [[0x20, 0x7e]],
  punct: [
    [0x21, 0x2f],
    [0x3a, 0x40],
    [0x5b, 0x60],
    [0x7b, 0x7e],
  ],
  space: [...BLANK, [11, 11]],
  upper: [[0x41, 0x5a]],
  word: WORD,
  xdigit: [...DIGIT, [0x41, 0x46], [0x61, 0x66]],
};

const LAST = 0x10ffff;

/** Everything outside `ranges`. */
function complement(ranges: Ranges): Ranges {
  const out: [number, number][] = [];
  let next = 0;
  for (const [low, high] of ranges.toSorted((a, b) => a[0] - b[0])) {
    if (low > next) out.push([next, low - 1]);
    next = Math.max(next, high + 1);
  }
  if (next <= LAST) out.push([next, LAST]);
  return out;
}

const literal = (code: number): Atom => ({ kind: 'set', negated: false, ranges: [[code, code]], star: false });

/** Reads the expression; null where Go's compiler refuses it. */
export function parseRe2(source: string): readonly Atom[] | null {
  const chars = Array.from(source);
  const atoms: Atom[] = [];
  let at = 0;
  while (at < chars.length) {
    const char = chars[at] ?? '';
    const rest = chars.slice(at, at + 6).join('');
    if (rest === '(.*/)?') {
      atoms.push({ kind: 'dirs' });
      at += 6;
      continue;
    }
    const read = char === '[' ? readSet(chars, at + 1) : char === '\\' ? readEscape(chars, at + 1) : readPlain(char, at);
    if (read === null) return null;
    at = read.next;
    const starred = chars[at] === '*';
    if (starred) at += 1;
    for (const atom of read.atoms) atoms.push(starred && atom.kind === 'set' ? { ...atom, star: true } : atom);
  }
  return atoms;
}

interface Read {
  readonly atoms: readonly Atom[];
  readonly next: number;
}

function readPlain(char: string, at: number): Read {
  const next = at + 1;
  if (char === '^') return { atoms: [{ kind: 'start' }], next };
  if (char === '$') return { atoms: [{ kind: 'end' }], next };
  if (char === '.') return { atoms: [{ kind: 'set', negated: true, ranges: [[10, 10]], star: false }], next };
  return { atoms: [literal(char.codePointAt(0) ?? 0)], next };
}

function readEscape(chars: readonly string[], at: number): Read | null {
  const char = chars[at];
  if (char === undefined) return null;
  const next = at + 1;
  if (char === 'A') return { atoms: [{ kind: 'start' }], next };
  if (char === 'z') return { atoms: [{ kind: 'end' }], next };
  if (char === 'b' || char === 'B') return { atoms: [{ kind: 'boundary', negated: char === 'B' }], next };
  if (char === 'Q') return readQuoted(chars, next);
  const ranges = escapedRanges(chars, at);
  return ranges === null ? null : { atoms: [{ kind: 'set', negated: false, ranges: ranges.ranges, star: false }], next: ranges.next };
}

/** `\Q…\E`: everything between is literal; without `\E`, to the end. */
function readQuoted(chars: readonly string[], start: number): Read {
  const atoms: Atom[] = [];
  let at = start;
  while (at < chars.length && !(chars[at] === '\\' && chars[at + 1] === 'E')) {
    atoms.push(literal(chars[at]?.codePointAt(0) ?? 0));
    at += 1;
  }
  return { atoms, next: Math.min(chars.length, at + 2) };
}

/** What an escape stands for, outside and inside classes; null for an escape Go does not know. */
function escapedRanges(chars: readonly string[], at: number): { ranges: Ranges; next: number } | null {
  const char = chars[at] ?? '';
  const perl = PERL[char.toLowerCase()];
  if (perl !== undefined) return { ranges: char === char.toLowerCase() ? perl : complement(perl), next: at + 1 };
  const control = CONTROL[char];
  if (control !== undefined) return { ranges: [[control, control]], next: at + 1 };
  if (char === 'x') return readHex(chars, at + 1);
  const octal = /^0[0-7]{0,2}|^[1-7][0-7]{1,2}/.exec(chars.slice(at, at + 3).join(''));
  if (octal !== null) return single(Number.parseInt(octal[0], 8), at + octal[0].length);
  if (char === '' || char > '\x7f' || /[0-9A-Za-z]/.test(char)) return null;
  return single(char.charCodeAt(0), at + 1);
}

const single = (code: number, next: number): { ranges: Ranges; next: number } => ({ ranges: [[code, code]], next });

function readHex(chars: readonly string[], at: number): { ranges: Ranges; next: number } | null {
  const text = chars.slice(at, at + 12).join('');
  const match = /^(?:\{([0-9a-fA-F]{1,8})\}|([0-9a-fA-F]{2}))/.exec(text);
  const code = Number.parseInt(match?.[1] ?? match?.[2] ?? '', 16);
  return match === null || !(code <= LAST) ? null : single(code, at + match[0].length);
}

function readSet(chars: readonly string[], start: number): Read | null {
  let at = start;
  const negated = chars[at] === '^';
  if (negated) at += 1;
  const ranges: (readonly [number, number])[] = [];
  for (let first = true; first || chars[at] !== ']'; first = false) {
    if (at >= chars.length) return null;
    const posix = /^\[:(\^?)([a-z]+):\]/.exec(chars.slice(at, at + 12).join(''));
    if (posix !== null) {
      const named = POSIX[posix[2] ?? ''];
      if (named === undefined) return null;
      ranges.push(...(posix[1] === '^' ? complement(named) : named));
      at += posix[0].length;
      continue;
    }
    const low = readMember(chars, at);
    if (low === null) return null;
    at = low.next;
    if (low.code !== null && chars[at] === '-' && chars[at + 1] !== ']') {
      const high = readMember(chars, at + 1);
      if (high === null || high.code === null || high.code < low.code) return null;
      ranges.push([low.code, high.code]);
      at = high.next;
    } else ranges.push(...low.ranges);
  }
  return { atoms: [{ kind: 'set', negated, ranges, star: false }], next: at + 1 };
}

/** One member of a class; `code` is null where it stands for several characters and so cannot begin a range. */
function readMember(chars: readonly string[], at: number): { code: number | null; ranges: Ranges; next: number } | null {
  const char = chars[at];
  if (char === undefined) return null;
  if (char !== '\\') return { code: char.codePointAt(0) ?? 0, ...single(char.codePointAt(0) ?? 0, at + 1) };
  const escaped = escapedRanges(chars, at + 1);
  if (escaped === null) return null;
  const only = escaped.ranges.length === 1 ? escaped.ranges[0] : undefined;
  return { code: only !== undefined && only[0] === only[1] ? only[0] : null, ...escaped };
}
