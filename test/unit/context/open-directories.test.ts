// Directories that several builds read: one look serves all of them, whatever their ignore files say.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { OpenDirectories } from '../../../src/context/open-directories.ts';

let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'tsbuild-directories-'));
  mkdirSync(join(root, 'src'));
  writeFileSync(join(root, 'src/a.js'), 'one');
  writeFileSync(join(root, 'src/b.md'), 'two');
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

const ignoring = (text: string) => ({ ignore: { name: 'x.dockerignore', text } });

it('looks at a directory once for trees with different rules', () => {
  const directories = new OpenDirectories();
  const all = directories.open(root).tree;
  expect(all.readdir('src')).toEqual(['a.js', 'b.md']);
  expect(all.lstat('src/a.js')?.size).toBe(3);
  all.setContent('src/a.js', 3, 'ab');
  writeFileSync(join(root, 'src/a.js'), 'longer');
  writeFileSync(join(root, 'src/c.js'), 'new');
  const { tree } = directories.open(root, ignoring('**/*.md'));
  expect(tree.readdir('src')).toEqual(['a.js']);
  expect(tree.lstat('src/b.md')).toBeNull();
  expect(tree.lstat('src/a.js')).toMatchObject({ size: 3, sha256: 'ab' });
  expect(all.lstat('src/b.md')?.size).toBe(3);
});

it('opens the same directory with the same rules once', () => {
  const directories = new OpenDirectories();
  expect(directories.open(`${root}/.`)).toBe(directories.open(root));
  expect(directories.open(root, ignoring('a'))).not.toBe(directories.open(root));
});

it('looks again where something was written, above and below', () => {
  const directories = new OpenDirectories();
  const trees = [root, join(root, 'src')].map((dir) => directories.open(dir).tree);
  expect(trees.map((tree) => tree.readdir('').length)).toEqual([1, 2]);
  writeFileSync(join(root, 'src/c.js'), 'new');
  directories.forget(`${root}-other`);
  expect(directories.open(root).tree).toBe(trees[0]);
  directories.forget(join(root, 'src'));
  expect(directories.open(root).tree.readdir('src')).toEqual(['a.js', 'b.md', 'c.js']);
  expect(directories.open(join(root, 'src')).tree.readdir('')).toEqual(['a.js', 'b.md', 'c.js']);
});
