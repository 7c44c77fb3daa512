import { expect, test } from 'vitest';
import type { Instruction, InstructionOf } from '../../../src/parser/ast.ts';
import { parseDockerfile } from '../../../src/parser/parse-dockerfile.ts';

const parse = (text: string) => parseDockerfile({ name: 'Dockerfile', text });

function only<K extends Instruction['kind']>(text: string, kind: K): InstructionOf<K> {
  const found = parse(`FROM scratch\n${text}`).ast.instructions.at(-1);
  expect(found?.kind).toBe(kind);
  return found as InstructionOf<K>;
}

const codes = (text: string): string[] => parse(text).diagnostics.map((diagnostic) => diagnostic.code);

// What BuildKit keeps in history for the same lines.
test.each([
  ['RUN echo a \\\n   b \\\n # comment\n\t c  \n', 'echo a    b \t c'],
  ['RUN   --network=none   echo  a \\\n   b', 'echo  a    b'],
  ['RUN echo \\\\\nUSER x', 'echo \\\\'],
  ['RUN a \\ \t\n b', 'a  b'],
  ['RUN a \\\r\n\tb\r\n', 'a \tb'],
  ['RUN a \\\n\n\n   \n b', 'a  b'],
  ['RUN a \\', 'a'],
  ['RUN', ''],
  ['RUN # not a comment', '# not a comment'],
  ['\\\nRUN a', 'a'],
])('shell text of %j', (text, expected) => {
  const run = parse(`FROM scratch\n${text}`).ast.instructions.find((item) => item.kind === 'run');
  expect(run?.kind === 'run' ? run.command : null).toMatchObject({ form: 'shell', text: expected });
});

test('spans cross continuations and CRLF without covering them', () => {
  const text = 'FROM scratch\r\nENV first=1 \\\r\n    second="a\\\r\nb"\r\n';
  const env = parse(text).ast.instructions[1] as InstructionOf<'env'>;
  const at = (span: { start: number; end: number }): string => text.slice(span.start, span.end);
  expect(env.pairs.map((pair) => at(pair.span))).toEqual(['first=1', 'second="a\\\r\nb"']);
  expect(env.pairs[1]?.value.raw).toBe('"ab"');
  expect(at(env.keyword.span)).toBe('ENV');
});

test('a keyword, a flag and a word may be cut anywhere', () => {
  expect(only('CO\\\nPY --fr\\\nom=ba\\\nse a/\\\nb c', 'copy')).toMatchObject({
    keyword: { text: 'COPY' },
    from: { value: 'base' },
    sources: [{ type: 'path', word: { raw: 'a/b' } }],
  });
});

test('a duplicate heredoc name in COPY means its last body', () => {
  const { sources } = only('COPY <<A <<A /x/\n1\nA\n2\nA\n', 'copy');
  expect(sources.map((source) => (source.type === 'heredoc' ? source.heredoc.content : ''))).toEqual(['2\n', '2\n']);
});

test('a heredoc word in JSON or beside an unbalanced quote has no body', () => {
  expect(only('COPY ["<<EOF", "/x"]', 'copy').sources).toMatchObject([{ type: 'heredoc', heredoc: { name: 'EOF', content: '' } }]);
  expect(parse("FROM scratch\nCOPY <<EOF it's /x\nUSER a\n").ast.instructions.map((item) => item.kind)).toEqual(['from', 'copy', 'user']);
});

test('COPY splits at blanks before it looks for heredocs', () => {
  const { sources } = only('COPY <<"A B" /x/\n1\nA B\n', 'copy');
  expect(sources.map((source) => (source.type === 'path' ? source.word.raw : source.heredoc.name))).toEqual(['<<"A', 'B"']);
});

test('`1 << 2` opens a heredoc, as in BuildKit', () => {
  expect(codes('FROM scratch\nRUN echo $((1 << 2))\n')).toEqual(['parse/unterminated-heredoc']);
});

test('each broken instruction is reported and the next one is read', () => {
  const { ast, diagnostics } = parse('FROM scratch\nCOPY a\nENV b\nRUN [1]\nUSER x\nFOO\nWORKDIR /y\n');
  expect(diagnostics.map((item) => item.code)).toEqual([
    'parse/arity',
    'parse/key-value',
    'parse/not-string-array',
    'parse/unknown-instruction',
  ]);
  expect(ast.instructions.map((item) => item.kind)).toEqual(['from', 'invalid', 'invalid', 'invalid', 'user', 'invalid', 'workdir']);
});

test('lines that go on an unknown instruction are one problem', () => {
  expect(codes('FROM scratch\nRUN true\n  one two\n  three\n  four\nUSER x\n')).toEqual(['parse/unknown-instruction']);
});

test('a flag problem leaves the rest of the instruction usable', () => {
  const { ast } = parse('FROM --platfrm=x alpine AS base\n');
  expect(ast.instructions[0]).toMatchObject({ kind: 'from', as: { name: { text: 'base' } } });
});

test('diagnostics come in source order', () => {
  const starts = parse('FROM a b\nRUN a \\\n\n b\nCOPY\n# escape=x\nCMD [1]\n').diagnostics.map((item) => item.span?.start ?? -1);
  expect(starts).toEqual([...starts].sort((a, b) => a - b));
  expect(starts).toHaveLength(4);
});

test('names of built-in object members are no instructions, flags or mounts', () => {
  expect(codes('FROM scratch\nCONSTRUCTOR x\nCOPY --constructor=1 --__proto__=2 a b\n')).toEqual([
    'parse/unknown-instruction',
    'parse/unknown-flag',
    'parse/unknown-flag',
  ]);
});

test.each([
  ['', 'parse/empty-file'],
  [' \n\n', 'parse/no-instructions'],
  ['\ufeff# only\n', 'parse/no-instructions'],
  ['ARG a\n', 'parse/no-stages'],
  ['ARG a\nRUN x\nFROM b\n', 'parse/no-stage-yet'],
])('%j as a whole is refused', (text, code) => {
  expect(codes(text)).toEqual([code]);
});

test('no stage is asked for after an instruction that may have been FROM', () => {
  expect(codes('FORM alpine\nRUN x\n')).toEqual(['parse/unknown-instruction']);
});
