// The same part of the same tree is looked at once, and what was read for one selection serves the others.
import { mkdirSync, mkdtempSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { SelectionContents } from '../../../src/build/solve/selection-content.ts';
import { OpenDirectories } from '../../../src/context/open-directories.ts';

let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'tsbuild-selection-'));
  mkdirSync(join(root, 'src'));
  for (const name of ['a', 'b', 'c']) {
    writeFileSync(join(root, 'src', name), name);
    utimesSync(join(root, 'src', name), 1, 1);
  }
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

/** Remembers nothing and counts the directories that are asked for. */
const forgetful = (asked: string[]) => ({
  stats(directory: string) {
    asked.push(directory);
    return null;
  },
  saveStats: () => undefined,
  fact: () => null,
  setFact: () => undefined,
});

it('answers every build of a command from one look', async () => {
  const asked: string[] = [];
  const contents = new SelectionContents(forgetful(asked));
  const directories = new OpenDirectories();
  const all = { pattern: 'src', exclude: [] };
  const { tree } = directories.open(root);
  const first = await Promise.all([contents.of(tree, all), contents.of(tree, { pattern: 'src/a', exclude: [] }), contents.of(tree, all)]);
  expect(first[0]).toBe(first[2]);
  const looks = asked.length;
  // Other rules over the same directory: other files, none of them read again.
  const ignoring = directories.open(root, { ignore: { name: 'x.dockerignore', text: 'src/b' } }).tree;
  writeFileSync(join(root, 'src/a'), 'changed since');
  expect(await contents.of(ignoring, all)).not.toBe(first[0]);
  expect(await contents.of(ignoring, { pattern: 'src/a', exclude: [] })).toBe(first[1]);
  expect(asked).toHaveLength(looks);
});
