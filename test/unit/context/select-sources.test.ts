import { describe, expect, it } from 'vitest';
import { resolveInTree } from '../../../src/context/resolve-path.ts';
import { selectSources } from '../../../src/context/select-sources.ts';
import { TsbuildError } from '../../../src/core/errors.ts';
import { memoryTree } from './memory-tree.ts';

const tree = memoryTree({
  x: 'x',
  '.dot': 'd',
  'dir/a': 'a',
  'dir/.h': 'h',
  'dir/sub/b': 'b',
  'only/zz': 'z',
  a0: '0',
  a1: '1',
  'w-b/f': '1',
  'w/f': '2',
  'w.b/f': '3',
  'back\\slash': 'b',
  lf: ['x'],
  ld: ['dir'],
  lo: ['only'],
  abs: ['/dir'],
  up: ['../../../x'],
  deep: ['ld/sub/../a'],
  loop: ['loop'],
});
const withDangling = memoryTree({ x: 'x', dang: ['nope'], sub: null });

const select = (pattern: string) =>
  selectSources(tree, pattern).sources.map(({ path, entry }) => (path === entry.path ? path : `${path} -> ${entry.path}`));

describe('selectSources', () => {
  it.each<[string, string[]]>([
    ['x', ['x']],
    ['/x', ['x']],
    ['x/', ['x']],
    ['../../x', ['x']],
    ['way/../x', ['x']],
    ['.', ['']],
    ['lf', ['lf -> x']],
    ['ld', ['ld -> dir']],
    ['ld/sub/b', ['ld/sub/b -> dir/sub/b']],
    ['abs/a', ['abs/a -> dir/a']],
    ['up', ['up -> x']],
    ['dir/*', ['dir/.h', 'dir/a', 'dir/sub']],
    ['ld/*', ['dir/.h', 'dir/a', 'dir/sub']],
    ['*/zz', ['only/zz']],
    ['l*/zz', []],
    ['q*', []],
    ['x/*', []],
    ['a[0-9]', ['a0', 'a1']],
    ['w*', ['w', 'w-b', 'w.b']],
    ['*/*/b', ['dir/sub/b']],
    ['dir[^x]a', ['dir/a']],
    ['back\\slash', ['back\\slash']],
  ])('%s', (pattern, expected) => expect(select(pattern)).toEqual(expected));

  it('says whether names of matches count', () => {
    expect(selectSources(tree, 'a?').wildcard).toBe(true);
    expect(selectSources(tree, 'a0').wildcard).toBe(false);
  });

  it('looks only at what a literal source names', () => {
    const fresh = memoryTree({ 'a/b/c': '1', 'a/z': '2', q: '3' });
    selectSources(fresh, 'a/b/c');
    expect(new Set(fresh.looked)).toEqual(new Set(['a', 'a/b', 'a/b/c']));
  });

  it.each([
    ['nope', '"/nope" not found in the source tree'],
    ['x/y', '"/x/y" not found in the source tree'],
    ['nope/*', '"/nope" not found in the source tree'],
  ])('%s is missing', (pattern, message) => {
    expect(() => selectSources(tree, pattern)).toThrow(expect.objectContaining({ code: 'context/source-not-found', message }));
  });

  it('refuses a wildcard that matches a dangling link', () => {
    expect(() => selectSources(withDangling, '*')).toThrow(/"\/dang", which a symbolic link leads to as "\/nope", not found/);
  });

  it('suggests names and lists the directory', () => {
    const problem = (pattern: string): TsbuildError => {
      try {
        selectSources(tree, pattern);
      } catch (error) {
        if (error instanceof TsbuildError) return error;
      }
      throw new Error('expected a TsbuildError');
    };
    expect(problem('Dir/a').hint).toBe('Did you mean dir?');
    expect(problem('dir/qqqqqq').hint).toBe('/dir holds: .h, a, sub.');
  });

  it('refuses malformed wildcards even when nothing could match', () => {
    expect(() => selectSources(tree, 'zz*[')).toThrow(expect.objectContaining({ code: 'context/bad-pattern' }));
  });

  it('gives up on links that point at each other', () => {
    expect(() => selectSources(tree, 'loop')).toThrow(expect.objectContaining({ code: 'context/too-many-links' }));
  });
});

describe('resolveInTree', () => {
  it('keeps the last link when told to', () => {
    expect(resolveInTree(tree, 'ld', false).entry?.type).toBe('symlink');
    expect(resolveInTree(tree, 'ld/a', false).path).toBe('dir/a');
  });

  it('reads link texts lexically, as Docker does', () => {
    expect(resolveInTree(tree, 'deep').path).toBe('dir/a');
  });

  it('appends what does not exist', () => {
    expect(resolveInTree(tree, 'ld/new/file')).toEqual({ path: 'dir/new/file', entry: null, missing: 'dir/new' });
  });
});
