// Every folder of fixtures/ignore is an ignore file and what Docker shows of fixtures/ignore/_tree.txt with it.
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parseIgnoreFile } from '../../../src/context/ignore-file.ts';
import { openLocalTree } from '../../../src/context/local-tree.ts';
import { compileRules } from '../../../src/context/pattern-matcher.ts';
import { walkTree } from '../../../src/context/walk-tree.ts';
import { pathFromBytes } from '../../../src/core/path-bytes.ts';

const suite = join(import.meta.dirname, '../../../fixtures/ignore');
const lines = (text: string): string[] => text.split('\n').filter((line) => line !== '');
let root = '';

beforeAll(() => {
  root = mkdtempSync(join(tmpdir(), 'ignore-'));
  for (const path of lines(readFileSync(join(suite, '_tree.txt'), 'utf8'))) {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), path);
  }
});

afterAll(() => rmSync(root, { recursive: true }));

describe('ignore files show what Docker shows', () => {
  for (const name of readdirSync(suite).filter((name) => !name.startsWith('_'))) {
    it(name, () => {
      const rules = parseIgnoreFile(pathFromBytes(readFileSync(join(suite, name, 'dockerignore'))));
      const { matcher, diagnostics } = compileRules(rules, '.dockerignore');
      const tree = openLocalTree(root, { ignore: matcher });
      const start = tree.lstat('');
      if (start === null) throw new Error('no root');
      const shown = [...walkTree(tree, start)].slice(1).map(({ entry }) => entry.path + (entry.type === 'dir' ? '/' : ''));
      const expected = lines(readFileSync(join(suite, name, 'visible.txt'), 'utf8'));
      if (expected[0] === 'refused') expect(diagnostics.map((diagnostic) => diagnostic.severity)).toEqual(['error']);
      else expect({ shown: shown.sort(), diagnostics }).toEqual({ shown: expected.sort(), diagnostics: [] });
    });
  }
});
