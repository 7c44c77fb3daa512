import { expect, test } from 'vitest';
import { goDuration, goQuote, goQuoteList, goQuoteRune } from '../../../src/planner/go-quote.ts';

test.each([
  ['plain text', '"plain text"'],
  ['"quoted" \\ back', '"\\"quoted\\" \\\\ back"'],
  ['\x07\b\f\n\r\t\v', '"\\a\\b\\f\\n\\r\\t\\v"'],
  ['\x00\x1b\x7f', '"\\x00\\x1b\\x7f"'],
  ['é 日 😀', '"é 日 😀"'],
  ['\u00a0\u2028\ufeff', '"\\u00a0\\u2028\\ufeff"'],
  ['\u{e0001}', '"\\U000e0001"'],
  ["it's", '"it\'s"'],
  ['\udc80', '"\\x80"'],
])('%j is quoted as Go does', (text, expected) => {
  expect(goQuote(text)).toBe(expected);
});

test('lists are in brackets, separated by blanks', () => {
  expect(goQuoteList([])).toBe('[]');
  expect(goQuoteList(['a', 'b c'])).toBe('["a" "b c"]');
});

test.each([
  [0, "'\\x00'"],
  [3, "'\\x03'"],
  [10, "'\\n'"],
  [39, "'\\''"],
  [65, "'A'"],
  [300, "'Ĭ'"],
  [0x110000, "'\ufffd'"],
  [0xd800, "'\ufffd'"],
])('number %i is the rune %s', (value, expected) => {
  expect(goQuoteRune(value)).toBe(expected);
});

test.each([
  [0, '0s'],
  [1, '1ns'],
  [1_500, '1.5µs'],
  [1_500_000, '1.5ms'],
  [1_250_000_000, '1.25s'],
  [90_000_000_000, '1m30s'],
  [3_600_000_000_000, '1h0m0s'],
  [3_661_000_000_001, '1h1m1.000000001s'],
])('%i ns is %s', (value, expected) => {
  expect(goDuration(value)).toBe(expected);
});
