import { describe, expect, it } from 'vitest';
import { compilePatterns } from '../../../src/context/pattern-matcher.ts';
import type { SourceTree } from '../../../src/context/source-tree.ts';
import { walkTree } from '../../../src/context/walk-tree.ts';
import { memoryTree } from './memory-tree.ts';

const tree = memoryTree({ 's/a.txt': '1', 's/b.md': '2', 's/d/c.txt': '3', 's/d/e.md': '4', 's/k/z.md': '5' });

function walk(start: string, exclude?: string[]): string[] {
  const entry = tree.lstat(start);
  if (entry === null) throw new Error(`no ${start}`);
  return [...walkTree(tree, entry, exclude && compilePatterns(exclude))].map(({ relative }) => relative);
}

// Seen with Docker: COPY --exclude=… s /o/.
describe('walkTree with --exclude', () => {
  it.each<[string[], string[]]>([
    [[], ['', 'a.txt', 'b.md', 'd', 'd/c.txt', 'd/e.md', 'k', 'k/z.md']],
    [['*.txt'], ['', 'b.md', 'd', 'd/c.txt', 'd/e.md', 'k', 'k/z.md']],
    [['d'], ['', 'a.txt', 'b.md', 'k', 'k/z.md']],
    [
      ['d', '!d/c.txt'],
      ['', 'a.txt', 'b.md', 'd', 'd/c.txt', 'k', 'k/z.md'],
    ],
    [
      ['d', '!**/c.txt'],
      ['', 'a.txt', 'b.md', 'd', 'd/c.txt', 'k', 'k/z.md'],
    ],
    [
      ['**', '!**/e.md'],
      ['', 'd', 'd/e.md'],
    ],
    [
      ['k/**', 'd/*.md'],
      ['', 'a.txt', 'b.md', 'd', 'd/c.txt', 'k'],
    ],
    [
      ['d/**', '!d/*/**'],
      ['', 'a.txt', 'b.md', 'd', 'k', 'k/z.md'],
    ],
    [['s/*.txt'], ['', 'a.txt', 'b.md', 'd', 'd/c.txt', 'd/e.md', 'k', 'k/z.md']],
    [['*'], ['']],
  ])('%j', (exclude, expected) => expect(walk('s', exclude)).toEqual(expected));

  it('never excludes the start', () => {
    expect(walk('s/a.txt', ['*.txt', 'a.txt'])).toEqual(['']);
  });

  it('survives trees deeper than any stack', () => {
    const depth = 20_000;
    const deep: SourceTree = {
      lstat: (path) => ({ path, type: 'dir', mode: 0o755, uid: 0, gid: 0, size: 0, mtime: 0 }),
      readdir: (path) => (path.length < 2 * depth ? ['d'] : []),
      hostPath: (path) => path,
    };
    const root = deep.lstat('');
    expect(root && [...walkTree(deep, root)].length).toBe(depth + 2);
  });
});
