// Every behaviour of the language has a test that shows it, or a reason for being different.
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { differentialCases, idsOf } from '../support/differential/case.ts';
import { compatibilityPage, evidence, holds, ledger } from '../support/differential/ledger.ts';

test('every behaviour is shown by a test or differs for a reason', () => {
  const open = ledger().filter(({ shownBy, difference }) => shownBy.length === 0 && difference === undefined);
  expect(open.map(({ id, words }) => `${id} ${words}`)).toEqual([]);
});

test('cases and evidence speak of known behaviours', () => {
  const known = new Set(ledger().map(({ id }) => id));
  expect([...differentialCases().flatMap(idsOf), ...Object.keys(evidence())].filter((id) => !known.has(id))).toEqual([]);
});

test('every case says which behaviour it shows', () => {
  expect(differentialCases().filter((one) => idsOf(one).length === 0)).toEqual([]);
});

test.each(Object.entries(evidence()))('the test named for %s is there', (_, piece) => {
  expect(holds(piece)).toBe(true);
});

test('docs/compatibility.md is fresh (node scripts/ledger.ts)', () => {
  expect(readFileSync(new URL('../../docs/compatibility.md', import.meta.url), 'utf8')).toBe(compatibilityPage());
});
