import { expect, test } from 'vitest';
import { editDistance, suggest } from '../../../src/core/suggest.ts';

const INSTRUCTIONS = ['FROM', 'RUN', 'COPY', 'ARG', 'ENV', 'ENTRYPOINT'];

test.each([
  ['FORM', 'FROM'],
  ['copyy', 'COPY'],
  ['ENTRYPIONT', 'ENTRYPOINT'],
  ['RNU', 'RUN'],
  ['FROM', null],
  ['rm', null],
  ['apt-get', null],
  ['', null],
  ['x'.repeat(1_000_000), null],
])('%j', (name, expected) => {
  expect(suggest(name, INSTRUCTIONS)).toBe(expected);
});

test('the nearest wins, the first among equals', () => {
  expect(suggest('sourc', ['source', 'src', 'sources'])).toBe('source');
  expect(suggest('bat', ['cat', 'bar'])).toBe('cat');
});

test.each([
  ['', 'abc', 3],
  ['abc', 'abc', 0],
  ['abc', 'acb', 1],
  ['kitten', 'sitting', 3],
])('distance of %j and %j', (a, b, expected) => {
  expect(editDistance(a, b)).toBe(expected);
  expect(editDistance(b, a)).toBe(expected);
});
