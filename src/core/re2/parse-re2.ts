// Text of a regular expression → syntax tree, as Go's regexp/syntax reads it with the flags of Perl: no
// look-around and no back-references, so that every expression can be run in linear time.
import { type CharSet, perlClass, rangeOf, type SetItem } from './char-set.ts';
import { readClass, readUnicodeClass } from './parse-class.ts';
import { readEscape } from './parse-escape.ts';
import { readRepeat } from './parse-repeat.ts';
import { type Assertion, type Re2Node, Re2Problem, type Re2Syntax, sequenceOf } from './re2-node.ts';

interface Flags {
  /** Ignore case. */
  readonly i: boolean;
  /** `^` and `$` at lines. */
  readonly m: boolean;
  /** `.` is a newline too. */
  readonly s: boolean;
  /** Repetitions are lazy, and greedy with `?`. */
  readonly U: boolean;
}

/** Depth of parentheses; Go has the same limit on the tree. */
const DEEPEST = 1000;

/** Throws Re2Problem. */
export function parseRe2(source: string): Re2Syntax {
  const parser = new Parser(Array.from(source));
  const node = parser.alternatives({ i: false, m: false, s: false, U: false }, 0);
  if (!parser.atEnd()) throw new Re2Problem('has a ) without its (');
  return { node, groups: parser.groups };
}

class Parser {
  readonly groups: (string | null)[] = [];
  readonly #chars: readonly string[];
  #at = 0;

  constructor(chars: readonly string[]) {
    this.#chars = chars;
  }

  atEnd = (): boolean => this.#at >= this.#chars.length;
  #peek = (ahead = 0): string => this.#chars[this.#at + ahead] ?? '';

  /** Up to `)` or the end. Flags set inside hold to the end of the group. */
  alternatives(outer: Flags, depth: number): Re2Node {
    if (depth > DEEPEST) throw new Re2Problem('is nested too deeply');
    const items: Re2Node[] = [];
    let flags = outer;
    let sequence: Re2Node[] = [];
    /** Set behind a repetition, until something else follows. */
    let repeated = false;
    for (; !this.atEnd() && this.#peek() !== ')'; ) {
      if (this.#peek() === '|') {
        this.#at += 1;
        items.push(sequenceOf(sequence));
        sequence = [];
        repeated = false;
        continue;
      }
      const repeat = readRepeat(this.#chars, this.#at);
      if (repeat !== null) {
        const inner = sequence.pop();
        if (inner === undefined) throw new Re2Problem(`has nothing to repeat before ${this.#peek()}`);
        if (repeated) throw new Re2Problem(`repeats a repetition with ${this.#peek()}`);
        this.#at = repeat.next;
        sequence.push(checkRepeat({ type: 'repeat', inner, min: repeat.min, max: repeat.max, greedy: repeat.lazy === flags.U }));
        repeated = true;
        continue;
      }
      repeated = false;
      if (this.#peek() === '(' && this.#peek(1) === '?') {
        const group = this.#flagged(flags, depth);
        if ('flags' in group) flags = group.flags;
        else sequence.push(group.node);
      } else sequence.push(...this.#one(flags, depth));
    }
    if (items.length === 0) return sequenceOf(sequence);
    return { type: 'choice', items: [...items, sequenceOf(sequence)] };
  }

  #one(flags: Flags, depth: number): readonly Re2Node[] {
    const char = this.#peek();
    if (char === '(') {
      this.#at += 1;
      return [this.#group(null, flags, depth)];
    }
    if (char === '[') return [this.#set(readClass(this.#chars, this.#at), flags)];
    if (char === '\\') return this.#escape(flags);
    this.#at += 1;
    if (char === '.') return [flags.s ? ANY : NO_NEWLINE];
    if (char === '^') return [assertion(flags.m ? 'line-start' : 'text-start')];
    if (char === '$') return [assertion(flags.m ? 'line-end' : 'text-end')];
    return [literal(char, flags)];
  }

  #escape(flags: Flags): readonly Re2Node[] {
    const letter = this.#peek(1);
    if (letter === 'Q') return this.#quoted(flags);
    const asserted = ASSERTIONS[letter];
    const item = perlClass(letter);
    if (asserted !== undefined || item !== null) this.#at += 2;
    if (asserted !== undefined) return [assertion(asserted)];
    if (item !== null) return [setNode([item], flags)];
    if (letter === 'p' || letter === 'P') {
      const { item: property, next } = readUnicodeClass(this.#chars, this.#at);
      this.#at = next;
      return [setNode([property], flags)];
    }
    const { code, next } = readEscape(this.#chars, this.#at);
    this.#at = next;
    return [setNode([rangeOf(code, code)], flags)];
  }

  /** `\Q…\E`: everything between is literal; without `\E`, to the end. */
  #quoted(flags: Flags): readonly Re2Node[] {
    const nodes: Re2Node[] = [];
    for (this.#at += 2; !this.atEnd() && !(this.#peek() === '\\' && this.#peek(1) === 'E'); this.#at += 1)
      nodes.push(literal(this.#peek(), flags));
    if (!this.atEnd()) this.#at += 2;
    return nodes;
  }

  #set({ set, next }: ReturnType<typeof readClass>, flags: Flags): Re2Node {
    this.#at = next;
    return setNode(set.items, flags, set.negated);
  }

  /** Behind the opening parenthesis of a group that is kept. */
  #group(name: string | null, flags: Flags, depth: number): Re2Node {
    const index = this.groups.push(name);
    return { type: 'group', index, inner: this.#inner(flags, depth) };
  }

  #inner(flags: Flags, depth: number): Re2Node {
    const inner = this.alternatives(flags, depth + 1);
    if (this.atEnd()) throw new Re2Problem('has a ( without its )');
    this.#at += 1;
    return inner;
  }

  /** `(?P<name>…)`, `(?<name>…)`, `(?flags)` and `(?flags:…)`. */
  #flagged(flags: Flags, depth: number): { readonly node: Re2Node } | { readonly flags: Flags } {
    const rest = this.#chars.slice(this.#at, this.#at + 200).join('');
    const name = /^\(\?P?<([^>]*)>/.exec(rest);
    if (name !== null && !/^\(\?<[=!]/.test(rest)) {
      if (!/^\w+$/.test(name[1] ?? '')) throw new Re2Problem(`has an invalid name of a group: ${JSON.stringify(name[1])}`);
      this.#at += name[0].length;
      return { node: this.#group(name[1] ?? '', flags, depth) };
    }
    const asked = /^\(\?([imsU]*)(?:-([imsU]+))?([:)])/.exec(rest);
    if (asked === null) throw new Re2Problem('has look-around, or flags other than i, m, s and U');
    const [opening, on = '', off = '', end] = asked;
    this.#at += opening.length;
    const next: Flags = {
      i: (flags.i || on.includes('i')) && !off.includes('i'),
      m: (flags.m || on.includes('m')) && !off.includes('m'),
      s: (flags.s || on.includes('s')) && !off.includes('s'),
      U: (flags.U || on.includes('U')) && !off.includes('U'),
    };
    return end === ')' ? { flags: next } : { node: this.#inner(next, depth) };
  }
}

const ASSERTIONS: Readonly<Record<string, Assertion>> = {
  A: 'text-start',
  z: 'text-end',
  b: 'word-boundary',
  B: 'no-word-boundary',
};

const assertion = (kind: Assertion): Re2Node => ({ type: 'assertion', assertion: kind });

const setNode = (items: readonly SetItem[], flags: Flags, negated = false): Re2Node => {
  const set: CharSet = { items, negated, fold: flags.i };
  return { type: 'set', set };
};

const ANY: Re2Node = { type: 'set', set: { items: [], negated: true, fold: false } };
const NO_NEWLINE: Re2Node = { type: 'set', set: { items: [rangeOf(10, 10)], negated: true, fold: false } };

const literal = (char: string, flags: Flags): Re2Node => {
  const code = char.codePointAt(0) ?? 0;
  return setNode([rangeOf(code, code)], flags);
};

const MOST_REPEATS = 1000;

/** Counts of repetitions inside each other multiply; Go refuses what would unfold to more than 1000. */
function checkRepeat(node: Extract<Re2Node, { type: 'repeat' }>): Re2Node {
  const counted = node.min >= 2 || (node.max ?? 0) >= 2;
  if (counted && !fits(node, MOST_REPEATS)) throw new Re2Problem('repeats something too often; 1000 is the limit');
  return node;
}

function fits(node: Re2Node, limit: number): boolean {
  switch (node.type) {
    case 'repeat': {
      const isCounted = !((node.min === 0 && (node.max === null || node.max === 1)) || (node.min === 1 && node.max === null));
      const times = isCounted ? (node.max ?? node.min) : 0;
      if (times > limit) return false;
      return (isCounted && node.max === 0) || fits(node.inner, times > 0 ? Math.floor(limit / times) : limit);
    }
    case 'group':
      return fits(node.inner, limit);
    case 'sequence':
    case 'choice':
      return node.items.every((item) => fits(item, limit));
    default:
      return true;
  }
}
