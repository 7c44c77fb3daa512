// Runs the atoms of re2-program.ts over a path. JavaScript's engine is ten times faster but may
// need time exponential in the number of repetitions; an ignore file is not trusted, so it is used
// only where at most two repetitions can fight over the same text.
import type { Atom } from './re2-program.ts';

export type Test = (text: string) => boolean;

const MAX_NATIVE_REPEATS = 2;

export function compileAtoms(atoms: readonly Atom[]): Test {
  const repeats = atoms.filter((atom) => atom.kind === 'dirs' || (atom.kind === 'set' && atom.star)).length;
  return repeats <= MAX_NATIVE_REPEATS ? nativeTest(atoms) : simulatedTest(atoms);
}

const hex = (code: number): string => `\\u{${code.toString(16)}}`;

export function nativeTest(atoms: readonly Atom[]): Test {
  const source = atoms.map((atom) => {
    if (atom.kind === 'start') return '^';
    if (atom.kind === 'end') return '$';
    if (atom.kind === 'dirs') return '(?:[^\\n]*\\/)?';
    if (atom.kind === 'boundary') return atom.negated ? '\\B' : '\\b';
    const members = atom.ranges.map(([low, high]) => (low === high ? hex(low) : `${hex(low)}-${hex(high)}`)).join('');
    return `[${atom.negated ? '^' : ''}${members}]${atom.star ? '*' : ''}`;
  });
  const expression = new RegExp(source.join(''), 'u');
  return (text) => expression.test(text);
}

/**
 * Keeps the set of atoms that may come next for every prefix of the text. State i means "before
 * atom i"; state atoms.length is a match (unanchored at its end, as Go's MatchString is).
 */
export function simulatedTest(atoms: readonly Atom[]): Test {
  const count = atoms.length;
  // States above `count` are "inside the .* of the dirs atom i".
  return (text) => {
    const codes = Array.from(text, (char) => char.codePointAt(0) ?? 0);
    let current = new Uint8Array(2 * count + 1);
    let next = new Uint8Array(2 * count + 1);
    for (let at = 0; at <= codes.length; at += 1) {
      current[0] = 1;
      close(atoms, current, codes, at);
      if (current[count] === 1) return true;
      const code = codes[at];
      if (code === undefined) return false;
      next.fill(0);
      advance(atoms, current, next, code);
      [current, next] = [next, current];
    }
    return false;
  };
}

/** Follows the steps that consume nothing; they only lead forward, so one pass is enough. */
function close(atoms: readonly Atom[], states: Uint8Array, codes: readonly number[], at: number): void {
  for (const [index, atom] of atoms.entries()) {
    if (states[index] !== 1) continue;
    if (atom.kind === 'dirs') {
      states[index + 1] = 1;
      states[atoms.length + 1 + index] = 1;
    } else if (atom.kind === 'set') {
      if (atom.star) states[index + 1] = 1;
    } else if (holds(atom, codes, at)) states[index + 1] = 1;
  }
}

function holds(atom: Extract<Atom, { kind: 'start' | 'end' | 'boundary' }>, codes: readonly number[], at: number): boolean {
  if (atom.kind === 'start') return at === 0;
  if (atom.kind === 'end') return at === codes.length;
  return (isWord(codes[at - 1]) !== isWord(codes[at])) !== atom.negated;
}

const isWord = (code: number | undefined): boolean => code !== undefined && code < 0x80 && /\w/.test(String.fromCharCode(code));

function advance(atoms: readonly Atom[], from: Uint8Array, to: Uint8Array, code: number): void {
  for (const [index, atom] of atoms.entries()) {
    if (atom.kind === 'dirs') {
      const inside = atoms.length + 1 + index;
      if (from[inside] !== 1) continue;
      if (code !== 10) to[inside] = 1;
      if (code === 0x2f) to[index + 1] = 1;
    } else if (atom.kind === 'set' && from[index] === 1) {
      if (atom.ranges.some(([low, high]) => low <= code && code <= high) !== atom.negated) to[atom.star ? index : index + 1] = 1;
    }
  }
}
