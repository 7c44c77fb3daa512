// Hostile sizes: bounded diagnostics and nodes, and time that grows with the input only.
import { expect, test } from 'vitest';
import { MAX_DIAGNOSTICS } from '../../../src/parser/diagnostic-list.ts';
import { MAX_LINE_BYTES, parseDockerfile } from '../../../src/parser/parse-dockerfile.ts';
import { cpuSeconds } from '../../support/cpu-time.ts';

const parse = (text: string) => parseDockerfile({ name: 'Dockerfile', text });

test('a line may have 65535 bytes besides its newline, not one more', () => {
  const line = (bytes: number): string => `RUN ${'é'.repeat((bytes - 5) / 2)}x\n`;
  expect(Buffer.byteLength(line(65_535))).toBe(65_536);
  expect(parse(`FROM scratch\n${line(65_535)}`).diagnostics).toEqual([]);
  const { ast, diagnostics } = parse(`FROM scratch\n${line(65_537)}USER x\n`);
  expect(diagnostics).toMatchObject([{ code: 'parse/line-too-long', message: expect.stringContaining(`${MAX_LINE_BYTES}`) }]);
  expect(ast.instructions.map((item) => item.kind)).toEqual(['from', 'invalid', 'user']);
});

test('lines of heredocs are measured, too', () => {
  const { diagnostics } = parse(`FROM scratch\nRUN <<EOF\n${'x'.repeat(70_000)}\nEOF\n`);
  expect(diagnostics.map((item) => item.code)).toEqual(['parse/line-too-long']);
});

test('problems beyond the limit are counted, not kept', () => {
  const { ast, diagnostics } = parse(`FROM scratch\n${'ENV\n'.repeat(500)}`);
  expect(diagnostics).toHaveLength(MAX_DIAGNOSTICS + 1);
  expect(diagnostics.at(-1)).toMatchObject({ code: 'parse/too-many-problems', message: '400 more problems are not shown' });
  expect(ast.instructions.length).toBeLessThanOrEqual(MAX_DIAGNOSTICS + 1);
});

test('a file with more instructions than anybody writes is refused', () => {
  const { ast, diagnostics } = parse(`FROM scratch\n${'USER x\n'.repeat(120_000)}`);
  expect(diagnostics.map((item) => item.code)).toEqual(['parse/too-many-instructions']);
  expect(ast.instructions.length).toBeLessThanOrEqual(100_000);
});

const SIZE = 5_000_000;

/** Cuts into continued lines that stay below the limit of a line. */
function wrap(text: string): string {
  if (text.includes('\n')) return text;
  const pieces: string[] = [];
  for (let at = 0; at < text.length; at += 60_000) pieces.push(text.slice(at, at + 60_000));
  return pieces.join('\\\n');
}

test.each([
  ['nested substitutions', `ENV a=${'${a:-'.repeat(SIZE / 5)}`],
  ['nested replacements', `ENV a=${'${a/'.repeat(SIZE / 4)}`],
  ['substitutions in a heredoc line', `RUN <<EOF ${'${a:-'.repeat(SIZE / 5)}`],
  ['heredoc openers', `RUN ${'<<a '.repeat(SIZE / 4)}`],
  ['heredocs with bodies', `RUN ${'<<a '.repeat(15_000)}\n${'a\n'.repeat(15_000)}`],
  ['continuations', `RUN ${'a \\\n'.repeat(SIZE / 4)}`],
  ['flags', `RUN ${'--mount=ro \\\n'.repeat(SIZE / 13)}`],
  ['mount fields', `RUN --mount=${'ro,'.repeat(SIZE / 3)}ro x`],
  ['unterminated heredocs', 'RUN <<EOF\n'.repeat(SIZE / 10)],
  ['quotes', `ENV a=${`'"`.repeat(SIZE / 2)}`],
  ['dollars', `ENV a=${'$'.repeat(SIZE)}`],
  ['backslashes', `RUN ${'\\ '.repeat(SIZE / 2)}`],
  ['open brackets', `RUN ${'['.repeat(SIZE)}`],
  ['JSON escapes', `COPY ["${'\\u0041'.repeat(SIZE / 6)}", "b"]`],
  ['blank lines', '\n'.repeat(SIZE)],
  ['comments', '#\n'.repeat(SIZE / 2)],
  ['nested ONBUILD', `ONBUILD ${'ONBUILD '.repeat(SIZE / 8)}`],
  ['digits', `HEALTHCHECK --interval=${'1'.repeat(SIZE)}s CMD x`],
])('5 MB of %s are read in reasonable time', (_, text) => {
  const wrapped = `FROM scratch\n${wrap(text)}`;
  // Linear cases need up to two seconds; a quadratic one needs many minutes.
  expect(cpuSeconds(() => parse(wrapped))).toBeLessThan(15);
});

test.each([
  ['LABEL', 'a=b \\\n', 1],
  ['COPY', 'a \\\n', 1],
  ['VOLUME', '"a",\\\n', 1],
  ['RUN echo', 'a \\\n', 0],
])('%s of more than fifty thousand words', (keyword, word, problems) => {
  const text = word.startsWith('"') ? `${keyword} [${word.repeat(50_001)}"a"]` : `${keyword} ${word.repeat(50_001)}x=y`;
  const { diagnostics } = parse(`FROM scratch\n${text}\n`);
  expect(diagnostics.map(({ code }) => code)).toEqual(Array(problems).fill('parse/too-many-words'));
});
