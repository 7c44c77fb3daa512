// The table follows the rules in the documentation of Go's path/filepath.Match.
import { describe, expect, it } from 'vitest';
import { goMatch, hasWildcard } from '../../../src/context/go-match.ts';

describe('goMatch', () => {
  it.each<[string, string, boolean | 'malformed']>([
    ['abc', 'abc', true],
    ['', '', true],
    ['', 'a', false],
    ['*', '', true],
    ['*', 'abc', true],
    ['*', 'a/b', false],
    ['*c', 'abc', true],
    ['a*', 'ab/c', false],
    ['a*/b', 'abc/b', true],
    ['a*/b', 'a/c/b', false],
    ['a*b*c*d*e*/f', 'axbxcxdxe/f', true],
    ['a*b*c*d*e*/f', 'axbxcxdxexxx/fff', false],
    ['a*b?c*x', 'abxbbxdbxebxczzx', true],
    ['a*b?c*x', 'abxbbxdbxebxczzy', false],
    ['**', 'abc', true],
    ['a?b', 'a☺b', true],
    ['a?b', 'a/b', false],
    ['a???b', 'a☺b', false],
    ['a[^a]b', 'a☺b', true],
    ['a[^x]b', 'a/b', true],
    ['[a-ζ]*', 'α', true],
    ['ab[c-e]', 'abd', true],
    ['ab[e-c]', 'abd', false],
    ['ab[^b-d]', 'abe', true],
    ['[\\]a]', ']', true],
    ['[\\-x]', '-', true],
    ['[x\\-]', 'z', false],
    ['a\\*b', 'a*b', true],
    ['a\\*b', 'axb', false],
    [']', ']', true],
    ['*.md', '.md', true],
    ['.*', '.hidden', true],
    ['[', 'a', 'malformed'],
    ['[^', 'a', 'malformed'],
    ['[]a]', ']', 'malformed'],
    ['[-]', '-', 'malformed'],
    ['[x-]', 'x', 'malformed'],
    ['[-x]', 'x', 'malformed'],
    ['[a-b-c]', 'a', 'malformed'],
    ['[a', 'a', 'malformed'],
    ['a[', 'ab', 'malformed'],
    ['a\\', 'a', 'malformed'],
    ['a/b[', 'x', 'malformed'],
    ['*x[', 'xxx', 'malformed'],
  ])('%j with %j is %s', (pattern, name, expected) => {
    expect(goMatch(pattern, name)).toBe(expected);
  });

  it('does not blow up on many stars', () => {
    expect(goMatch(`${'*a'.repeat(100)}b`, 'a'.repeat(5000))).toBe(false);
  });
});

describe('hasWildcard', () => {
  it.each([
    ['plain', false],
    ['a\\*b', false],
    ['a\\\\*b', true],
    ['a?', true],
    ['[a]', true],
    ['a]', false],
  ])('%j: %s', (text, expected) => expect(hasWildcard(text)).toBe(expected));
});
