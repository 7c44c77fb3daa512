// The regular expression that Docker makes of an ignore pattern, ready to be asked. JavaScript's engine is
// many times faster than the linear one but may need time exponential in the number of repetitions; an
// ignore file is not trusted, so it is used only where at most two can fight over the same text.
import { rangesSource } from '../core/re2/char-set.ts';
import { parseRe2 } from '../core/re2/parse-re2.ts';
import { Re2 } from '../core/re2/re2.ts';
import { type Assertion, type Re2Node, Re2Problem } from '../core/re2/re2-node.ts';

export type Test = (text: string) => boolean;

const MAX_NATIVE_REPEATS = 2;

/** null where Go's compiler refuses it. */
export function compileExpression(source: string): Test | null {
  try {
    const { node } = parseRe2(source);
    const native = repeats(node) <= MAX_NATIVE_REPEATS ? nativeTest(node) : null;
    return native ?? linearTest(source);
  } catch (error) {
    if (error instanceof Re2Problem) return null;
    throw error;
  }
}

export function linearTest(source: string): Test {
  const expression = new Re2(source);
  return (text) => expression.test(text);
}

/** null for an expression that JavaScript spells in another way. */
export function nativeTest(node: Re2Node): Test | null {
  const source = nativeSource(node);
  if (source === null) return null;
  const expression = new RegExp(source, 'u');
  return (text) => expression.test(text);
}

function repeats(node: Re2Node): number {
  switch (node.type) {
    case 'repeat':
      return 1 + repeats(node.inner);
    case 'group':
      return repeats(node.inner);
    case 'sequence':
    case 'choice':
      return node.items.reduce((count, item) => count + repeats(item), 0);
    default:
      return 0;
  }
}

const ASSERTIONS: Partial<Readonly<Record<Assertion, string>>> = {
  'text-start': '^',
  'text-end': '$',
  'word-boundary': '\\b',
  'no-word-boundary': '\\B',
};

function nativeSource(node: Re2Node): string | null {
  switch (node.type) {
    case 'empty':
      return '';
    case 'assertion':
      return ASSERTIONS[node.assertion] ?? null;
    case 'set': {
      const { items, negated, fold } = node.set;
      const ranges = items.flatMap((item) => (item.type === 'ranges' && !item.negated ? item.ranges : []));
      return fold || items.some((item) => item.type !== 'ranges' || item.negated) ? null : `[${negated ? '^' : ''}${rangesSource(ranges)}]`;
    }
    case 'group':
      return wrapped(nativeSource(node.inner));
    case 'sequence':
    case 'choice': {
      const sources = node.items.map(nativeSource);
      return sources.includes(null) ? null : wrapped(sources.join(node.type === 'choice' ? '|' : ''));
    }
    case 'repeat': {
      const inner = wrapped(nativeSource(node.inner));
      if (inner === null || (node.max !== null && node.max > 1) || node.min > 1) return null;
      return inner + (node.max === 1 ? '?' : node.min === 1 ? '+' : '*');
    }
  }
}

const wrapped = (source: string | null): string | null => (source === null ? null : `(?:${source})`);
