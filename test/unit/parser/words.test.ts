import { expect, test } from 'vitest';
import { mappedText } from '../../../src/parser/mapped-text.ts';
import { MAX_NESTING, parseWord } from '../../../src/parser/words.ts';
import { wordText } from '../../support/ast-text.ts';

const parse = (text: string, escapeChar: '\\' | '`' = '\\', quotes = true) =>
  parseWord(mappedText(text, 100), 0, text.length, escapeChar, { quotes });

test.each([
  ['plain', "'plain'"],
  ['', "''"],
  ['""', '""'],
  ['a"b"\'c\'d', "'a' \"bc\" 'd'"],
  ['\\a\\"', '"a\\""'],
  ['end\\', "'end'"],
  ['"\\a\\"\\$\\\\"', '"\\\\a\\"$\\\\"'],
  ["'\\a$b'", '"\\\\a$b"'],
  ['$a$b_1-c', "${a} ${b_1} '-c'"],
  ['$1x', "${1} 'x'"],
  ['$12', '${12}'],
  ['$', "'$'"],
  ['a$ b', "'a$ b'"],
  ['$.x', "'$.x'"],
  ['$$a', "${$} 'a'"],
  ['"$a"', '"" ${a}"'],
  ['${a:-b c}', "${a:- 'b c'}"],
  ['${a-}', "${a- ''}"],
  ['${a:+${b:-"c}"}}', '${a:+ ${b:- "c}"}}'],
  ['${a:?m\\}n}', "${a:? 'm' \"}\" 'n'}"],
  ['${a#\\*"b"}', '${a shortest prefix "\\\\*b"}'],
  ['${a##}', "${a longest prefix ''}"],
  ['${a%%x%}', "${a longest suffix 'x%'}"],
  ['${a/b}/c}', "${a first 'b}' by 'c'}"],
  ['${a//\\//$c}', '${a all "\\\\/" by ${c}}'],
])('%s', (text, expected) => {
  expect(wordText(parse(text))).toBe(expected);
});

test.each([
  ['x${}', 'syntax error: bad substitution', 'x'.length, 3],
  ['${{a}}', 'syntax error: bad substitution', 0, 3],
  ['${:a}', 'syntax error: bad substitution', 0, 3],
  ['${', "syntax error: missing '}'", 0, 2],
  ['${a:-b', "syntax error: missing '}'", 0, 6],
  ['${a:', "syntax error: missing '}'", 0, 4],
  ['${a/b', "syntax error: missing '/' in ${}", 0, 5],
  ['${a/b/c', "syntax error: missing '}'", 0, 7],
  ['${a', 'unsupported modifier (end of text) in substitution', 0, 3],
  ['${a=b}', 'unsupported modifier (=) in substitution', 0, 4],
  ['${a:=b}', 'unsupported modifier (:=) in substitution', 0, 7],
  ['${a:%b}', 'unsupported modifier (:%) in substitution', 0, 7],
  ['a"b', 'unexpected end of statement while looking for matching double-quote', 1, 2],
  ["a'b", 'unexpected end of statement while looking for matching single-quote', 1, 2],
  ['$a "${b:-\'}"', "syntax error: missing '}'", 4, 8],
])('%s is refused when expanded', (text, message, start, length) => {
  const last = parse(text).parts.at(-1);
  expect(last).toMatchObject({ type: 'invalid', message, span: { start: 100 + start, end: 100 + start + length } });
});

test('the escape character is the one of the file', () => {
  expect(wordText(parse('C:\\$a`$b', '`'))).toBe("'C:\\\\' ${a} \"$\" 'b'");
});

test('quotes are text in heredoc bodies, escapes are not', () => {
  expect(wordText(parse('"$a" \\n \'$b\'', '\\', false))).toBe("'\\\"' ${a} '\\\" ' \"n\" ' '' ${b} '''");
});

test('a name may have letters of any script', () => {
  expect(wordText(parse('$größe-${名}'))).toBe("${größe} '-' ${名}");
});

test('nesting is bounded', () => {
  const nested = (depth: number): string => '${a:-'.repeat(depth) + '}'.repeat(depth);
  expect(parse(nested(MAX_NESTING)).parts[0]?.type).toBe('variable');
  expect(parse(nested(MAX_NESTING + 1)).parts[0]).toMatchObject({ type: 'invalid', message: expect.stringContaining('100 levels') });
});
