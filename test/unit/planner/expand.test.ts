import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { EnvInstruction, Word } from '../../../src/parser/ast.ts';
import { parseDockerfile } from '../../../src/parser/parse-dockerfile.ts';
import { expandForDisplay, expandWord, expandWords } from '../../../src/planner/expand.ts';

/** The value of `ENV v=TEXT` as the parser reads it. */
function wordOf(text: string): Word {
  const { ast } = parseDockerfile({ name: 'Dockerfile', text: `FROM scratch\nENV v=${text}\n` });
  const pair = (ast.instructions[1] as EnvInstruction).pairs[0];
  if (pair === undefined) throw new Error(`no pair in ${text}`);
  return pair.value;
}

const values: Record<string, string> = { set: 'value', empty: '', path: 'a/b/c', abc: 'abcabc', list: '3000 4000/udp', digits: '12' };
const lookup = (name: string): string | undefined => values[name];

describe('expandWord', () => {
  test.each([
    ['$set', 'value'],
    ['${set}x', 'valuex'],
    ['$none', ''],
    ['a$', 'a$'],
    ['$/x', '$/x'],
    ["'$set'", '$set'],
    ['"$set"', 'value'],
    ['\\$set', '$set'],
    ['"\\$set \\x"', '$set \\x'],
    ['${none:-d}', 'd'],
    ['${empty:-d}', 'd'],
    ['${empty-d}', ''],
    ['${set:-d}', 'value'],
    ['${none:+d}', ''],
    ['${empty+d}', 'd'],
    ['${empty:+d}', ''],
    ['${set:+${none:-deep}}', 'deep'],
    ['${set:?no}', 'value'],
    ['${empty?no}', ''],
    ['${path#*/}', 'b/c'],
    ['${path##*/}', 'c'],
    ['${path%/*}', 'a/b'],
    ['${path%%/*}', 'a'],
    ['${abc/b/X}', 'aXcabc'],
    ['${abc//b/X}', 'aXcaXc'],
    ['${abc//?c/-}', 'a-a-'],
    ['${path//\\//-}', 'a-b-c'],
    ['${none#x}', ''],
  ])('%s is %j', (text, expected) => {
    expect(expandWord(wordOf(text), lookup)).toMatchObject({ ok: true, value: expected });
  });

  test.each([
    ['${none:?gone}', 'none: gone', 'required'],
    ['${empty:?}', 'empty: is not allowed to be empty', 'required'],
    ['${none?}', 'none: is not allowed to be unset', 'required'],
    ['${set:=x}', /unsupported modifier/, 'invalid'],
    ['${set#\\q}', /invalid escape/, 'invalid'],
  ])('%s fails', (text, message, reason) => {
    const result = expandWord(wordOf(text), lookup);
    expect(result).toMatchObject({ ok: false, reason });
    expect(result.ok ? '' : result.message).toMatch(message);
  });

  test('names that are not set are listed with their place, used ones are not', () => {
    const text = '$set${none:-x}$other';
    const result = expandWord(wordOf(text), lookup);
    const start = 'FROM scratch\nENV v='.length;
    expect(result.unset.map(({ name, span }) => [name, span.start - start])).toEqual([
      ['none', 4],
      ['other', 14],
    ]);
    expect(result.ok && [...result.used]).toEqual(['set']);
  });

  test('text that would grow without bound is refused', () => {
    const long = 'x'.repeat(600_000);
    expect(expandWord(wordOf('$a$a'), () => long)).toMatchObject({ ok: false, reason: 'too-large' });
    expect(expandWord(wordOf('$a'), () => long)).toMatchObject({ ok: true });
  });

  test('a substitution that would take minutes is refused', () => {
    const long = 'a'.repeat(100_000);
    expect(expandWord(wordOf(`\${a//${'*a'.repeat(500)}b/x}`), () => long)).toMatchObject({ ok: false, reason: 'too-large' });
  });
});

describe('expandWords', () => {
  test.each([
    ['$list', ['3000', '4000/udp']],
    ['x$list', ['x3000', '4000/udp']],
    ['"$list"', ['3000 4000/udp']],
    ['$none', []],
    ["''", []],
    ['$list$digits', ['3000', '4000/udp12']],
    ['8${none:-3}', ['3']],
    ['8${none:-3}9', ['39']],
    ['8"${none:-3}"', ['3']],
    ['"8${none:-3}"', ['83']],
    ['8"9${digits:-1}"1', ['9121']],
    ['$list${none:-3}', ['3000', '3']],
    ['${none:-$list}', ['3000', '4000/udp']],
  ])('%s splits into %j', (text, expected) => {
    expect(expandWords(wordOf(text), lookup)).toMatchObject({ ok: true, value: expected });
  });
});

describe('expandForDisplay', () => {
  test.each([
    ['echo $set ${set} ${none:-x} $none', 'echo value value ${none:-x} $none'],
    ["echo '$set' \\$set", "echo '$set' \\$set"],
    ['echo $token', 'echo ****'],
  ])('%s shows as %s', (text, expected) => {
    expect(expandForDisplay(text, lookup, new Set(['token']))).toBe(expected);
  });

  test('text without a dollar is shown as it is', () => {
    fc.assert(
      fc.property(
        fc.string().filter((text) => !text.includes('$')),
        (text) => expandForDisplay(text, lookup, new Set()) === text,
      ),
    );
  });
});
