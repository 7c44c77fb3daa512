// Golden files: a case is a folder, the expected text lies in it. UPDATE_GOLDEN=1 rewrites, except in CI.
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect } from 'vitest';

const FIXTURES = fileURLToPath(new URL('../../fixtures/', import.meta.url));

const mayWrite = (): boolean => process.env['UPDATE_GOLDEN'] === '1' && (process.env['CI'] ?? '') === '';

/** Folders of `fixtures/<suite>`, sorted; fails when there are none. */
export function goldenCases(suite: string): { readonly name: string; readonly path: string }[] {
  const root = join(FIXTURES, suite);
  const names = readdirSync(root, { withFileTypes: true }).filter((entry) => entry.isDirectory());
  if (names.length === 0) throw new Error(`no cases in ${root}`);
  return names.map(({ name }) => ({ name, path: join(root, name) })).sort((a, b) => a.name.localeCompare(b.name, 'en'));
}

/** UTF-8 text with line endings untouched. */
export const readInput = (path: string, file: string): string => readFileSync(join(path, file), 'utf8');

/** Compares with `file` of the case; a missing one fails unless it may be written. */
export function expectGolden(path: string, file: string, actual: string): void {
  const target = join(path, file);
  if (mayWrite()) writeFileSync(target, actual);
  const expected = existsSync(target)
    ? readFileSync(target, 'utf8')
    : `(${file} is missing: run with UPDATE_GOLDEN=1 and read what it writes)\n`;
  expect(actual).toBe(expected);
}
