// A regular expression of RE2, the one of Go: in linear time, so that expressions of strangers may be run.
import { compileRe2 } from './compile-re2.ts';
import { parseRe2 } from './parse-re2.ts';
import { Re2Problem } from './re2-node.ts';
import { type Machine, runRe2 } from './run-re2.ts';

/** Texts of one match; null for groups that took no part. The first is the whole match. */
export interface Re2Match {
  readonly groups: readonly (string | null)[];
  /** In code points. */
  readonly start: number;
  readonly end: number;
}

/** Instructions looked at by one search: a second or two. */
const MOST_STEPS = 20_000_000;

export class Re2 {
  /** Names of the groups, null for those without. */
  readonly groupNames: readonly (string | null)[];
  readonly #machine: Machine;

  /** Throws Re2Problem. */
  constructor(source: string) {
    const { node, groups } = parseRe2(source);
    this.groupNames = groups;
    this.#machine = { ...compileRe2(node), slots: 2 * (groups.length + 1) };
  }

  /** Whether some part of the text matches. */
  test(text: string): boolean {
    return runRe2({ ...this.#machine, slots: 0 }, codesOf(text), 0, budget()) !== null;
  }

  /** The leftmost match. Throws Re2Problem when the text is too long for the expression. */
  find(text: string): Re2Match | null {
    const [first] = this.#matches(text);
    return first ?? null;
  }

  /** All matches that do not overlap. An empty one right behind another match is none. */
  findAll(text: string): Re2Match[] {
    return [...this.#matches(text)];
  }

  /** Each match replaced by `template`, in which `$1`, `$name` and `${name}` are groups and `$$` is a dollar. */
  replaceAll(text: string, template: string): string {
    const chars = Array.from(text);
    const parts: string[] = [];
    let end = 0;
    for (const match of this.#matches(text)) {
      parts.push(chars.slice(end, match.start).join(''), this.#expand(template, match));
      end = match.end;
    }
    return parts.join('') + chars.slice(end).join('');
  }

  *#matches(text: string): Generator<Re2Match> {
    const codes = codesOf(text);
    const spend = budget();
    for (let from = 0, last = -1; from <= codes.length; ) {
      const saved = runRe2(this.#machine, codes, from, spend);
      if (saved === null) return;
      const [start = 0, end = 0] = saved;
      if (end > start || start !== last) yield matchOf(codes, saved);
      from = end > from ? end : from + 1;
      last = end;
    }
  }

  #expand(template: string, match: Re2Match): string {
    return template.replace(/\$(?:\$|([\p{L}\p{Nd}_]+)|\{([\p{L}\p{Nd}_]+)\})/gu, (_, plain?: string, braced?: string) => {
      const name = plain ?? braced;
      if (name === undefined) return '$';
      if (/^(?:0|[1-9]\d{0,8})$/.test(name)) return match.groups[Number(name)] ?? '';
      // Of groups with one name, the first that took part.
      return match.groups.slice(1).find((group, at) => group !== null && this.groupNames[at] === name) ?? '';
    });
  }
}

const codesOf = (text: string): number[] => Array.from(text, (char) => char.codePointAt(0) ?? 0);

function budget(): (steps: number) => void {
  let left = MOST_STEPS;
  return (steps) => {
    left -= steps;
    if (left < 0) throw new Re2Problem('takes too long on a text of this length');
  };
}

function matchOf(codes: readonly number[], saved: Int32Array): Re2Match {
  const groups: (string | null)[] = [];
  for (let slot = 0; slot < saved.length; slot += 2) {
    const [start = -1, end = -1] = saved.subarray(slot, slot + 2);
    groups.push(start < 0 || end < 0 ? null : textOf(codes, start, end));
  }
  const [start = 0, end = 0] = saved;
  return { groups, start, end };
}

/** Pieces, because a call takes only so many arguments. */
function textOf(codes: readonly number[], start: number, end: number): string {
  let text = '';
  for (let at = start; at < end; at += 4096) text += String.fromCodePoint(...codes.slice(at, Math.min(end, at + 4096)));
  return text;
}
