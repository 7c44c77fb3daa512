// Small pieces: durations, ports, signals, the check directive, triggers, the grammar's definitions.
import { expect, test } from 'vitest';
import { DEFAULT_CHECK, parseCheckDirective, skippedRules } from '../../../src/parser/check-directive.ts';
import { splitCsv } from '../../../src/parser/csv.ts';
import { parseDuration } from '../../../src/parser/duration.ts';
import { createGrammar } from '../../../src/parser/grammar.ts';
import { chompTabs } from '../../../src/parser/heredoc-bodies.ts';
import { mappedText } from '../../../src/parser/mapped-text.ts';
import { parseDockerfile } from '../../../src/parser/parse-dockerfile.ts';
import { parseOnbuildTrigger } from '../../../src/parser/parse-onbuild-trigger.ts';
import { parsePortSpec } from '../../../src/parser/ports.ts';
import { isValidSignal } from '../../../src/parser/signals.ts';

test.each([
  ['30s', 30e9],
  ['1m30.5s', 90.5e9],
  ['.5h', 1800e9],
  ['1.s', 1e9],
  ['+2ms', 2e6],
  ['-1s', -1e9],
  ['1us', 1e3],
  ['1µs', 1e3],
  ['1μs', 1e3],
  ['0', 0],
  ['-0', 0],
  ['0.000000001s', 1],
  ['0.0000000001s', 0],
  ['', null],
  ['s', null],
  ['.s', null],
  ['10', null],
  ['1 s', null],
  ['1x', null],
  ['1constructor', null],
  ['1s2', null],
  ['9999999999h', null],
])('duration %j is %s ns', (text, expected) => {
  expect(parseDuration(text)).toEqual(expected);
});

test.each([
  ['80', ['80/tcp'], false],
  ['53/UDP', ['53/udp'], false],
  ['80/', ['80/tcp'], false],
  ['0', ['0/tcp'], false],
  ['8000-8002/sctp', ['8000/sctp', '8001/sctp', '8002/sctp'], false],
  ['8080:80', ['80/tcp'], true],
  ['127.0.0.1:8080:80', ['80/tcp'], true],
  ['[::1]:8080:80', ['80/tcp'], true],
])('port %s', (text, ports, published) => {
  expect(parsePortSpec(text)).toEqual({ ports, published });
});

test.each(['', 'a', '-1', '65536', '90-80', '80/tcq', '80-', '1.2.3:1:80', 'x:80', '1-3:80-81', '80//tcp'])(
  'port %j is refused',
  (text) => {
    expect(typeof parsePortSpec(text)).toBe('string');
  },
);

test.each(['SIGTERM', 'term', '9', '999', 'SIGRTMIN+3', 'rtmax-14', 'sigio'])('signal %s', (text) => {
  expect(isValidSignal(text)).toBe(true);
});

test.each(['', '0', 'FOO', 'SIG', 'SIGSIGTERM', 'RTMIN+16', 'RTMIN+0', '9x', 'constructor'])('signal %j is refused', (text) => {
  expect(isValidSignal(text)).toBe(false);
});

const check = (value: string) => {
  const complaints: string[] = [];
  const settings = parseCheckDirective({ value, valueSpan: { start: 10, end: 10 + value.length } }, (code, message, span) => {
    complaints.push(`${code} ${message} ${span.start}-${span.end}`);
  });
  return { settings, complaints };
};

test.each([
  ['skip=all', { ...DEFAULT_CHECK, skip: 'all' }],
  ['skip=A, B ; error=TRUE', { ...DEFAULT_CHECK, skip: ['A', 'B'], error: true }],
  ['experimental=all;error=false;skip=A', { skip: ['A'], error: false, experimental: 'all' }],
])('check %s', (value, settings) => {
  expect(check(value)).toEqual({ settings, complaints: [] });
});

test('malformed check parts are reported at their place, the others count', () => {
  expect(check('skip=A;eror=true')).toEqual({
    settings: { ...DEFAULT_CHECK, skip: ['A'] },
    complaints: ['parse/invalid-check invalid check option "eror=true" 17-26'],
  });
  expect(check('a=1;b=2;c=3;d=4').complaints).toHaveLength(1);
});

test('rules are muted by comments right above an instruction', () => {
  const { ast } = parseDockerfile({
    name: 'x',
    text: 'FROM a\n# check=skip=A,B\n# check = skip = C\nRUN x\n# check=skip=all\nRUN y\n\n# check=skip=D\n\nRUN z',
  });
  expect(ast.instructions.map(skippedRules)).toEqual([[], ['A', 'B', 'C'], 'all', []]);
});

test('triggers are read with a backslash as escape, heredocs included', () => {
  expect(parseOnbuildTrigger('RUN a \\\n  b')).toMatchObject({ instruction: { kind: 'run', command: { text: 'a   b' } }, diagnostics: [] });
  expect(parseOnbuildTrigger('COPY <<A /x\nhi $y\nA')).toMatchObject({
    instruction: { kind: 'copy', sources: [{ heredoc: { content: 'hi $y\n' } }] },
  });
});

test.each(['ONBUILD RUN a', 'from x', 'MAINTAINER x', '', 'RUN a\nRUN b', 'FOO', 'COPY a', '# escape=`'])(
  'trigger %j is refused',
  (text) => {
    const { instruction, diagnostics } = parseOnbuildTrigger(text);
    expect(instruction).toBeNull();
    expect(diagnostics).toHaveLength(1);
  },
);

test('csv fields may be quoted as a whole', () => {
  const fields = (text: string): unknown => {
    const found = splitCsv(mappedText(text, 0));
    return typeof found === 'string' ? found : found.map((field) => field.text);
  };
  expect(fields('a=1,"b=2,3","c=""q""",')).toEqual(['a=1', 'b=2,3', 'c="q"', '']);
  expect(fields('a"b')).toBe('bare " in non-quoted field');
  expect(fields('"a"b')).toBe('extraneous or missing " in quoted-field');
  expect(fields('"a')).toBe('extraneous or missing " in quoted-field');
  expect(fields('')).toBe('EOF');
});

test('only leading tabs are chomped, line by line', () => {
  expect(chompTabs('\t\ta\tb\n\t\n  \tc\n\r\td')).toBe('a\tb\n\n  \tc\n\r\td');
});

test('the grammar passes the checks that production skips', () => {
  expect(() => createGrammar(true).readLayout('FROM a `\n b\n', '`')).not.toThrow();
  expect(createGrammar(true).readLayout('FROM a \\\n b\nRUN <<E\nE\n', '\\')).toHaveLength(2);
});
