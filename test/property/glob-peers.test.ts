// The dialects of COPY wildcards and of .dockerignore beside the packages that people take for them: where
// fast-glob and ignore agree, for arbitrary patterns, and where they do not (docs/adr/0007-packages.md).
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import fc from 'fast-check';
import fastGlob from 'fast-glob';
import ignore from 'ignore';
import { afterAll, beforeAll, describe, expect, it, test } from 'vitest';
import { goMatch } from '../../src/context/go-match.ts';
import { compilePatterns } from '../../src/context/pattern-matcher.ts';

const FILES = ['a', 'b.txt', '.hid', 'ab', 'B', 'd/a', 'd/.x', 'd/ab.c', 'd/e/a', 'd/e/b.txt', 'é', 'x y', '{a,b}', '+(a)', '[z]'];
const DIRECTORIES = [...new Set(FILES.map((path) => dirname(path)).filter((path) => path !== '.'))];
const PATHS = [...FILES, ...DIRECTORIES].sort();

let dir: string;
beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), 'tsbuild-globs-'));
  for (const path of DIRECTORIES) mkdirSync(join(dir, path), { recursive: true });
  for (const path of FILES) writeFileSync(join(dir, path), '');
});
afterAll(() => rmSync(dir, { recursive: true, force: true }));

const ours = (pattern: string): string[] => PATHS.filter((path) => goMatch(pattern, path) === true);
/** As near to Go as options get. */
const fastGlobbed = (pattern: string): string[] =>
  fastGlob
    .sync(pattern, { cwd: dir, dot: true, onlyFiles: false, extglob: false, braceExpansion: false, globstar: false, suppressErrors: true })
    .sort();

describe('fast-glob and wildcards of COPY', () => {
  const piece = fc.constantFrom('a', 'b', 'd', 'e', '.txt', '.', '*', '[ab]', '[a-e]', 'é');
  const component = (own: fc.Arbitrary<string>): fc.Arbitrary<string> =>
    fc
      .array(own, { minLength: 1, maxLength: 3 })
      .map((pieces) => pieces.join('').replace(/\*+/g, '*'))
      .filter((text) => !/^\.+$/.test(text));
  const pattern = fc
    .tuple(fc.array(component(piece), { maxLength: 2 }), component(fc.oneof(piece, fc.constant('?'))))
    .map(([directories, last]) => [...directories, last].join('/'));

  it('agree on stars, question marks and classes', () => {
    fc.assert(
      fc.property(pattern, (text) => {
        expect(ours(text)).toEqual(fastGlobbed(text));
      }),
      { numRuns: 400 },
    );
  });

  test.each([
    ['a class is negated by ^ alone', '[!a]', ['a'], ['B', 'd', 'é']],
    ['parentheses are characters', '+(a)', ['+(a)'], []],
    ['a question mark stands for a character of a directory, too', '?/a', ['d/a'], []],
    ['paths are compared as they are', './a', [], ['./a']],
  ])('differ: %s', (_name, text, go, theirs) => {
    expect(ours(text).sort()).toEqual(go.sort());
    expect(fastGlobbed(text)).toEqual(theirs.sort());
  });

  test.each(['[z', '[]a]', '[a-]', 'a\\'])('differ: %s is malformed', (text) => {
    expect(goMatch(text, 'a')).toBe('malformed');
    expect(() => fastGlobbed(text)).not.toThrow();
  });
});

/** Left out by .dockerignore, and by ignore when the pattern is anchored as .dockerignore's are. */
const dockerIgnored = (patterns: readonly string[], path: string): boolean => compilePatterns(patterns).matches(path);
const gitIgnored = (patterns: readonly string[], path: string): boolean =>
  ignore({ ignorecase: false })
    .add(patterns.map((text) => (text.startsWith('!') ? `!/${text.slice(1)}` : `/${text}`)))
    .ignores(path);

describe('ignore and .dockerignore', () => {
  const part = fc.oneof(
    fc.constant('**'),
    fc.array(fc.constantFrom('a', 'b', 'x', '.', '*', '?', '[ab]'), { minLength: 1, maxLength: 3 }).map((pieces) => pieces.join('')),
  );
  const pattern = fc
    .array(part, { minLength: 1, maxLength: 3 })
    .filter((parts) => parts.every((text) => text === '**' || !/\*\*|^\.+$/.test(text)))
    .map((parts) => parts.join('/'));
  const path = fc.array(fc.constantFrom('a', 'b', 'x', 'ab', '.a', 'a.b'), { minLength: 1, maxLength: 4 }).map((names) => names.join('/'));

  it('agree on anchored patterns that only leave out', () => {
    fc.assert(
      fc.property(fc.array(pattern, { minLength: 1, maxLength: 3 }), path, (patterns, text) => {
        expect(dockerIgnored(patterns, text)).toBe(gitIgnored(patterns, text));
      }),
      { numRuns: 2000 },
    );
  });

  test('differ: what is below a directory that was left out can come back', () => {
    expect(dockerIgnored(['d', '!d/keep'], 'd/keep')).toBe(false);
    expect(gitIgnored(['d', '!d/keep'], 'd/keep')).toBe(true);
  });

  test('differ: a name alone means the top directory only', () => {
    expect(dockerIgnored(['a'], 'd/a')).toBe(false);
    expect(ignore().add('a').ignores('d/a')).toBe(true);
  });

  test('differ: two stars cross directories within a name, too', () => {
    expect(dockerIgnored(['a**b'], 'a/x/b')).toBe(true);
    expect(gitIgnored(['a**b'], 'a/x/b')).toBe(false);
  });
});
