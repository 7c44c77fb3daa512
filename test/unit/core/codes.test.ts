// Every code that a user can meet is explained, and appears in a test or a fixture.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { ADVICE_CODES, CHECK_CODES } from '../../../src/core/check-rules.ts';
import { DIAGNOSTIC_CODES, ERROR_CODES } from '../../../src/core/codes.ts';

const HOME = fileURLToPath(new URL('../../../', import.meta.url));
const CODES = { ...DIAGNOSTIC_CODES, ...ERROR_CODES };

test.each(Object.entries(CODES))('%s has a title and an explanation', (_, { title, explanation }) => {
  expect(title).toMatch(/^\S.{3,79}$/);
  expect(title).not.toMatch(/[.:]$/);
  expect(explanation).toMatch(/^\S.{19,}[.`)\]]$/s);
});

test('the 22 build checks of Docker are there, and none of our advice has the name of one', () => {
  expect(Object.keys(CHECK_CODES)).toHaveLength(22);
  expect(Object.keys(ADVICE_CODES).filter((name) => Object.hasOwn(CHECK_CODES, name))).toEqual([]);
});

test('every code appears in a test or fixture', () => {
  const texts = ['test', 'fixtures'].flatMap((folder) =>
    readdirSync(join(HOME, folder), { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile() && /\.(?:ts|txt|json)$/.test(entry.name) && entry.name !== 'codes.test.ts')
      .map((entry) => readFileSync(join(entry.parentPath, entry.name), 'utf8')),
  );
  const rules = new Map<string, string>(
    [...Object.entries(CHECK_CODES), ...Object.entries(ADVICE_CODES)].map(([rule, code]) => [code, rule]),
  );
  const isMet = (code: string): boolean => texts.some((text) => text.includes(code) || text.includes(rules.get(code) ?? code));
  expect(Object.keys(CODES).filter((code) => !isMet(code) && !code.startsWith('bake/'))).toEqual([]);
});
