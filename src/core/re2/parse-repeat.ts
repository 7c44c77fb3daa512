// `*`, `+`, `?`, `{2}`, `{2,}` and `{2,5}`, each with `?` behind it when it is lazy.
import { Re2Problem } from './re2-node.ts';

const MOST = 1000;

interface Repeat {
  readonly min: number;
  /** null: without end. */
  readonly max: number | null;
  readonly lazy: boolean;
  readonly next: number;
}

/** null where no repetition stands; braces without numbers are plain characters. */
export function readRepeat(chars: readonly string[], at: number): Repeat | null {
  const count = readCount(chars, at);
  if (count === null) return null;
  const lazy = chars[count.next] === '?';
  return { ...count, lazy, next: lazy ? count.next + 1 : count.next };
}

function readCount(chars: readonly string[], at: number): Omit<Repeat, 'lazy'> | null {
  const char = chars[at];
  if (char === '*') return { min: 0, max: null, next: at + 1 };
  if (char === '+') return { min: 1, max: null, next: at + 1 };
  if (char === '?') return { min: 0, max: 1, next: at + 1 };
  if (char !== '{') return null;
  const end = chars.indexOf('}', at);
  const match = /^\{(0|[1-9]\d*)(,?)(0|[1-9]\d*)?\}$/.exec(end === -1 ? '' : chars.slice(at, end + 1).join(''));
  if (match === null || (match[2] === '' && match[3] !== undefined)) return null;
  const min = Number(match[1]);
  const max = match[3] === undefined ? (match[2] === ',' ? null : min) : Number(match[3]);
  if (min > MOST || (max !== null && (max > MOST || max < min)))
    throw new Re2Problem(`repeats with counts that are not allowed: ${match[0]}`);
  return { min, max, next: end + 1 };
}
