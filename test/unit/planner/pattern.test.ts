import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type PatternToken, parsePattern, removeAffix, replacePattern } from '../../../src/planner/pattern.ts';
import { cpuSeconds } from '../../support/cpu-time.ts';

function tokensOf(text: string): readonly PatternToken[] {
  const parsed = parsePattern(text);
  if ('error' in parsed) throw new Error(parsed.error);
  return parsed.tokens;
}

/** The same pattern as a regular expression: the textbook definition, exponential in the worst case. */
const regexOf = (pattern: string, longest: boolean): string =>
  [...pattern].map((char) => (char === '*' ? (longest ? '.*' : '.*?') : char === '?' ? '.' : char)).join('');

const texts = fc.array(fc.constantFrom('a', 'b', '/', '\n'), { maxLength: 10 }).map((chars) => chars.join(''));
const patterns = fc.array(fc.constantFrom('a', 'b', '/', '*', '?'), { maxLength: 5 }).map((chars) => chars.join(''));

describe('patterns', () => {
  test('prefix removal agrees with a regular expression', () => {
    fc.assert(
      fc.property(texts, patterns, fc.boolean(), (text, pattern, longest) => {
        const match = new RegExp(`^(?:${regexOf(pattern, longest)})`).exec(text);
        expect(removeAffix(text, tokensOf(pattern), 'prefix', longest)).toBe(match === null ? text : text.slice(match[0].length));
      }),
    );
  });

  test('suffix removal is prefix removal from the other end', () => {
    const reverse = (text: string): string => [...text].reverse().join('');
    fc.assert(
      fc.property(texts, patterns, fc.boolean(), (text, pattern, longest) => {
        const mirrored = reverse(removeAffix(reverse(text), tokensOf(reverse(pattern)), 'prefix', longest));
        expect(removeAffix(text, tokensOf(pattern), 'suffix', longest)).toBe(mirrored);
      }),
    );
  });

  test('replacing the first match agrees with a regular expression', () => {
    fc.assert(
      fc.property(texts, patterns, (text, pattern) => {
        const expected = text.replace(new RegExp(regexOf(pattern, true)), () => '[x]');
        expect(replacePattern(text, tokensOf(pattern), '[x]', false)).toBe(expected);
      }),
    );
  });

  test('replacing every match agrees with a regular expression where no match is empty', () => {
    fc.assert(
      fc.property(
        texts,
        patterns.map((pattern) => `${pattern}a`),
        (text, pattern) => {
          const expected = text.replace(new RegExp(regexOf(pattern, true), 'g'), () => '-');
          expect(replacePattern(text, tokensOf(pattern), '-', true)).toBe(expected);
        },
      ),
    );
  });

  test.each([
    ['*', 'x', 'abc', 'x'],
    ['', '.', 'ab', '.a.b.'],
    ['b', '<$1>', 'abc', 'a<>c'],
    ['b', '$$', 'abc', 'a$c'],
    ['b', '$', 'abc', 'a$c'],
    ['\\*', '+', 'a*b', 'a+b'],
    ['\\?', '+', 'a?b', 'a+b'],
    ['\\/', '+', 'a/b', 'a+b'],
  ])('//%s/%s on %s', (pattern, replacement, text, expected) => {
    expect(replacePattern(text, tokensOf(pattern), replacement, true)).toBe(expected);
  });

  test('only some characters can be escaped', () => {
    expect(parsePattern('a\\q')).toEqual({ error: "invalid escape '\\q'" });
    expect(parsePattern('a\\')).toEqual({ error: "invalid escape '\\'" });
  });

  test('many stars take no more than text times pattern', () => {
    const text = 'a'.repeat(20_000);
    const remove = () => expect(removeAffix(text, tokensOf(`${'*a'.repeat(50)}b`), 'prefix', true)).toBe(text);
    // A pattern that backtracks takes hours.
    expect(cpuSeconds(remove)).toBeLessThan(10);
  });
});
