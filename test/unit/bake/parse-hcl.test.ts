// The HCL parser: its grammar is sound, hostile text never crashes it, spans point at the culprit.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { createHclParser } from '../../../src/bake/hcl/parse-hcl.ts';
import { parseJsonBody } from '../../../src/bake/hcl/parse-json.ts';
import { BakeProblem } from '../../../src/bake/problem.ts';
import { cpuSeconds } from '../../support/cpu-time.ts';

const parser = createHclParser(true);

function problemOf(text: string): { readonly message: string; readonly at: string; readonly hint: string | undefined } {
  try {
    parser.parseBody({ name: 'docker-bake.hcl', text });
  } catch (error) {
    if (!(error instanceof BakeProblem)) throw error;
    const span = error.diagnostic.span ?? { start: 0, end: 0 };
    return { message: error.diagnostic.message, at: text.slice(span.start, span.end), hint: error.diagnostic.hint };
  }
  throw new Error('it is accepted');
}

describe('what is wrong is underlined', () => {
  test.each([
    ['a = 1 2\n', '2', 'new line'],
    ['a = [1,,2]\n', ',', 'missing between the commas'],
    ['a = {b = 1 c = 2}\n', 'c', 'separated by a comma'],
    ['a = "x\\q"\n', '\\q', 'escape sequence'],
    ['a = "%{ if x }y"\n', '%{ if x }', 'not closed'],
    ['a = "%{ endif }"\n', '%{ endif }', 'without %{ if }'],
    ['a = [for x of y : x]\n', 'of', 'expected "in"'],
    ['a = "${x"\n', '"', 'several lines'],
    ['a = <<EOT\nx\n', '<<', 'heredoc is not closed'],
    ['a = /* x\n', '/*', 'comment is not closed'],
    ['b "x${y}" {}\n', '"x${y}"', 'plain text'],
  ])('%j', (text, at, message) => {
    const problem = problemOf(text);
    expect(problem.at).toBe(at);
    expect(problem.message).toContain(message);
  });
});

describe('several errors', () => {
  const all = (text: string): string[] => {
    try {
      parser.parseBody({ name: 'docker-bake.hcl', text });
      return [];
    } catch (error) {
      if (!(error instanceof BakeProblem)) throw error;
      return error.all().map(({ diagnostic: { span } }) => text.slice(span?.start ?? 0, span?.end ?? 0));
    }
  };
  test.each([
    ['one per statement', 'a = 1 2\nb = 2\nc = [3 4]\n', ['2', '4']],
    ['inside a block, whose brace still counts', 'b {\n  x = 1 2\n  y =\n}\nz = +\n', ['2', '\n', '+']],
    ['none that follow from another', 'a = "x\nb = [1, "y]\n', ['"x', '"y]']],
    ['an open bracket', 'b {\n  x = [1\n}\nc = 1 2\n', ['[', '2']],
    ['an open sequence over lines', 'a = "x${\nb = "y\n"\nc = 1 2\n', ['${', '"y', '"']],
    ['two open blocks', 'a {\nb {\n', ['{', '{']],
    ['at most twenty', 'a = 1 2\n'.repeat(50), Array.from({ length: 20 }, () => '2')],
  ])('%s', (_name, text, expected) => expect(all(text)).toEqual(expected));
});

describe('hostile text', () => {
  const accepts = (body: () => unknown): void => {
    try {
      body();
    } catch (error) {
      if (!(error instanceof BakeProblem)) throw error;
    }
  };

  test('any text is parsed or refused', () => {
    const pieces = fc.constantFrom(
      'a',
      '=',
      '{',
      '}',
      '[',
      ']',
      '(',
      ')',
      '"',
      '${',
      '%{',
      '~}',
      '\n',
      '<<-E\n',
      'E\n',
      'for',
      'in',
      ':',
      '=>',
      '...',
      '.',
      '*',
      '?',
      '-',
      '!',
      '1',
      '1.5',
      '#',
      '/*',
      '\\',
      '$',
      '%',
      ' ',
      'if',
      'é',
      '\u0000',
      ',',
    );
    fc.assert(
      fc.property(fc.array(pieces, { maxLength: 60 }), (parts) => {
        accepts(() => parser.parseBody({ name: 'x.hcl', text: parts.join('') }));
        accepts(() => parseJsonBody({ name: 'x.json', text: parts.join('') }, parser));
      }),
      { numRuns: 2000 },
    );
  });

  test.each([
    ['brackets', `a = ${'['.repeat(100_000)}`],
    ['conditionals', `a = ${'x ? y : '.repeat(50_000)}z\n`],
    ['interpolations', `a = ${'"${'.repeat(50_000)}`],
    ['blocks', 'b {\n'.repeat(50_000)],
  ])('deeply nested %s are refused', (_, text) => {
    expect(() => parser.parseBody({ name: 'x.hcl', text })).toThrow(BakeProblem);
  });

  test('a megabyte of arguments takes no more than linear time', () => {
    const text = 'argument = "some text ${1 + 2} more"\n'.repeat(20_000);
    expect(cpuSeconds(() => expect(parser.parseBody({ name: 'x.hcl', text }).attributes).toHaveLength(20_000))).toBeLessThan(10);
  });
});
