// Sets of characters as RE2 writes them: ranges, the named classes of Perl, POSIX and Unicode, any of them
// negated, with or without regard to case.

export type Range = readonly [first: number, last: number];

/** One member of a class; `negated` is everything but that. */
export type SetItem = { readonly negated: boolean } & (
  | { readonly type: 'ranges'; readonly ranges: readonly Range[] }
  /** What stands in `\p{…}` of JavaScript: `L`, `Script=Greek`. */
  | { readonly type: 'property'; readonly property: string }
);

export interface CharSet {
  readonly items: readonly SetItem[];
  readonly negated: boolean;
  /** `(?i)`: a character stands for its other cases too. */
  readonly fold: boolean;
}

const DIGIT: readonly Range[] = [[0x30, 0x39]];
const LETTERS: readonly Range[] = [
  [0x41, 0x5a],
  [0x61, 0x7a],
];
const WORD: readonly Range[] = [...DIGIT, ...LETTERS, [0x5f, 0x5f]];
const BLANK: readonly Range[] = [
  [9, 10],
  [12, 13],
  [32, 32],
];

const PERL: Readonly<Record<string, readonly Range[]>> = { d: DIGIT, w: WORD, s: BLANK };

const POSIX: Readonly<Record<string, readonly Range[]>> = {
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

const ranges = (list: readonly Range[], negated: boolean): SetItem => ({ type: 'ranges', ranges: list, negated });

/** `\d`, `\D` and the like by their letter. */
export function perlClass(letter: string): SetItem | null {
  const list = PERL[letter.toLowerCase()];
  return list === undefined ? null : ranges(list, letter !== letter.toLowerCase());
}

/** `[:alpha:]` by its name. */
export function posixClass(name: string, negated: boolean): SetItem | null {
  return Object.hasOwn(POSIX, name) ? ranges(POSIX[name] ?? [], negated) : null;
}

/** General categories have one or two letters; longer names are scripts. */
export function unicodeClass(name: string, negated: boolean): SetItem | null {
  if (name === 'Any') return ranges([[0, 0x10ffff]], negated);
  if (!/^[A-Z][A-Za-z_]*$/.test(name)) return null;
  const property = name.length <= 2 ? `General_Category=${name}` : `Script=${name}`;
  try {
    new RegExp(`\\p{${property}}`, 'u');
  } catch {
    return null;
  }
  return { type: 'property', property, negated };
}

export const rangeOf = (first: number, last: number): SetItem => ranges([[first, last]], false);

const hex = (code: number): string => `\\u{${code.toString(16)}}`;

/** The ranges inside the brackets of a JavaScript class with the flag `u`. */
export const rangesSource = (list: readonly Range[]): string =>
  list.map(([first, last]) => (first === last ? hex(first) : `${hex(first)}-${hex(last)}`)).join('');

const ASCII = 128;

/** Whether a code point is in the set. */
export function setTest(set: CharSet): (code: number) => boolean {
  const [item, ...others] = set.items;
  const [range, ...more] = item?.type === 'ranges' && !item.negated ? item.ranges : [];
  if (range !== undefined && others.length === 0 && more.length === 0 && !set.fold) {
    const [first, last] = range;
    return set.negated ? (code) => code < first || code > last : (code) => first <= code && code <= last;
  }
  const tests = set.items.map((item) => itemTest(item, set.fold));
  const test = (code: number): boolean => tests.some((one) => one(code)) !== set.negated;
  const ascii = Uint8Array.from({ length: ASCII }, (_, code) => Number(test(code)));
  return (code) => (code < ASCII ? ascii[code] === 1 : test(code));
}

function itemTest(item: SetItem, fold: boolean): (code: number) => boolean {
  if (item.type === 'ranges' && !fold) return (code) => item.ranges.some(([first, last]) => first <= code && code <= last) !== item.negated;
  const source = item.type === 'ranges' ? `[${rangesSource(item.ranges)}]` : `\\p{${item.property}}`;
  // One character only: there is nothing to backtrack into.
  const expression = new RegExp(`^${source}$`, fold ? 'iu' : 'u');
  return (code) => expression.test(String.fromCodePoint(code)) !== item.negated;
}
