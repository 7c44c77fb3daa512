// Laws of the ignore dialect, of source selection and of content keys, over arbitrary input.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { cleanPath, treePath } from '../../src/context/clean-path.ts';
import { filteredTree } from '../../src/context/filtered-tree.ts';
import { compileGlob, matchGlob } from '../../src/context/go-match.ts';
import { linearTest, nativeTest } from '../../src/context/ignore-expression.ts';
import { parseIgnoreFile } from '../../src/context/ignore-file.ts';
import { compilePattern } from '../../src/context/ignore-pattern.ts';
import { compileRules } from '../../src/context/pattern-matcher.ts';
import { resolveInTree } from '../../src/context/resolve-path.ts';
import { selectSources } from '../../src/context/select-sources.ts';
import { walkTree } from '../../src/context/walk-tree.ts';
import { TsbuildError } from '../../src/core/errors.ts';
import { pathFromBytes, pathToBytes } from '../../src/core/path-bytes.ts';
import { parseRe2 } from '../../src/core/re2/parse-re2.ts';
import { memoryTree, type TreeSpec } from '../unit/context/memory-tree.ts';

const name = fc.constantFrom('a', 'b', 'c', 'ab', '.x', 'a.b', 'é', '*');
const path = fc.array(name, { minLength: 1, maxLength: 4 }).map((parts) => parts.join('/'));
const piece = fc.constantFrom('a', 'b', 'é', '.', '/', '*', '**', '**/', '?', '[a-b]', '[^a]', '\\*', '.x', '[*]', '+', '(', '$', '^');
const pattern = fc.array(piece, { minLength: 1, maxLength: 7 }).map((pieces) => cleanPath(pieces.join('')));
const ignoreText = fc
  .array(fc.tuple(fc.boolean(), pattern), { maxLength: 6 })
  .map((rules) => rules.map(([not, text]) => (not ? `!${text}` : text)).join('\n'));

const atom = fc.constantFrom(
  '^',
  '$',
  'a',
  'b',
  'é',
  '\\.',
  '[^/]*',
  '[^/]',
  '(.*/)?',
  '.*',
  '[a-b]',
  '[^a]*',
  '\\d',
  '\\w',
  '\\b',
  '\\B',
  '/',
  '[[:alpha:]]',
);

describe('patterns', () => {
  it('both engines agree', () => {
    fc.assert(
      fc.property(
        fc.array(atom, { maxLength: 8 }),
        fc.array(fc.constantFrom('a', 'b', 'é', '/', '.', '1', '\n'), { maxLength: 10 }),
        (parts, text) => {
          const source = parts.join('');
          const native = nativeTest(parseRe2(source).node);
          if (native === null) throw new Error('every part has a native form');
          expect(linearTest(source)(text.join(''))).toBe(native(text.join('')));
        },
      ),
      { numRuns: 2000 },
    );
  });

  it('without ** mean what filepath.Match means', () => {
    const single = fc
      .array(fc.constantFrom('a', 'b', 'é', '/', '*', '?', '[a-b]', '\\*', '.'), { minLength: 1, maxLength: 7 })
      .map((parts) => parts.join('').replace(/\*\*+/g, '*'));
    fc.assert(
      fc.property(single, path, (text, candidate) => {
        const glob = compileGlob(text);
        const compiled = compilePattern(text, false);
        if (glob === null || compiled === null) throw new Error('every part is valid');
        expect(compiled.test(candidate)).toBe(matchGlob(glob, candidate));
      }),
      { numRuns: 2000 },
    );
  });

  it('are parsed without throwing, whatever the text', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 200 }), (text) => {
        compileRules(parseIgnoreFile(text), 'x').matcher.matches('a/b');
      }),
    );
  });
});

describe('ignore rules', () => {
  it('the walk shows what is not left out, and the directories on the way', () => {
    fc.assert(
      fc.property(ignoreText, fc.uniqueArray(path, { maxLength: 8 }), (text, paths) => {
        const spec = Object.fromEntries(
          paths.filter((one) => !paths.some((other) => other.startsWith(`${one}/`))).map((one) => [one, 'x']),
        );
        const tree = memoryTree(spec);
        const { matcher } = compileRules(parseIgnoreFile(text), 'x');
        const start = tree.lstat('');
        if (start === null) throw new Error('no root');
        const shown = new Set([...walkTree(tree, start, matcher)].map(({ relative }) => relative));
        for (const one of Object.keys(spec)) expect(shown.has(one)).toBe(!matcher.matches(one));
        for (const one of shown) if (one.includes('/')) expect(shown.has(one.slice(0, one.lastIndexOf('/')))).toBe(true);
        expect(new Set([...walkTree(filteredTree(tree, matcher), start)].map(({ relative }) => relative))).toEqual(shown);
      }),
      { numRuns: 1000 },
    );
  });
});

const treeSpec: fc.Arbitrary<TreeSpec> = fc
  .array(
    fc.tuple(
      path,
      fc.oneof(
        fc.constant('x'),
        fc.tuple(fc.array(fc.constantFrom('..', '.', 'a', 'b', 'c', '/'), { maxLength: 4 }).map((parts) => parts.join('/'))),
      ),
    ),
    { maxLength: 8 },
  )
  .map((pairs) => Object.fromEntries(pairs) as TreeSpec);

describe('selection', () => {
  it('stays in the tree and fails only with codes', () => {
    fc.assert(
      fc.property(treeSpec, fc.oneof(path, pattern, fc.string()), (spec, source) => {
        const tree = memoryTree(spec);
        try {
          const resolved = resolveInTree(tree, source);
          expect(resolved.path).toBe(treePath(resolved.path));
          if (resolved.entry !== null) expect(tree.lstat(resolved.path)).toEqual(resolved.entry);
          expect(resolved.entry?.type).not.toBe('symlink');
          for (const found of selectSources(tree, source).sources) expect(tree.lstat(found.entry.path)).toEqual(found.entry);
        } catch (error) {
          if (!(error instanceof TsbuildError)) throw error;
          expect(error.code).toMatch(/^context\/(?:source-not-found|bad-pattern|too-many-links)$/);
        }
      }),
      { numRuns: 1000 },
    );
  });
});

describe('paths', () => {
  it('cleaning twice changes nothing, and tree paths never climb', () => {
    const raw = fc.array(fc.constantFrom('..', '.', '', 'a', 'b'), { maxLength: 8 }).map((parts) => parts.join('/'));
    fc.assert(
      fc.property(raw, (text) => {
        expect(cleanPath(cleanPath(text))).toBe(cleanPath(text));
        expect(treePath(text).split('/')).not.toContain('..');
      }),
    );
  });

  it('survive as bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 30 }), (bytes) => {
        expect(pathToBytes(pathFromBytes(bytes))).toEqual(Buffer.from(bytes));
      }),
    );
  });
});
