// Laws of the parser: it accepts any text, spans stay inside the file, printing loses nothing.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { hasErrors } from '../../src/core/diagnostic.ts';
import { renderDiagnostic } from '../../src/core/render-diagnostic.ts';
import type { Span } from '../../src/core/span.ts';
import type { DockerfileAst } from '../../src/parser/ast.ts';
import { parseDockerfile } from '../../src/parser/parse-dockerfile.ts';
import { parseOnbuildTrigger } from '../../src/parser/parse-onbuild-trigger.ts';
import { printDockerfile } from '../../src/parser/print-dockerfile.ts';
import { hostileText, soundDockerfile } from '../support/dockerfile-arbitrary.ts';

const parse = (text: string) => parseDockerfile({ name: 'Dockerfile', text });

/** Every span below `node`, with the span of the nearest node above it. */
function eachSpan(node: unknown, outer: Span, visit: (span: Span, outer: Span) => void): void {
  if (typeof node !== 'object' || node === null) return;
  const own = 'span' in node ? (node.span as Span) : undefined;
  if (own !== undefined) visit(own, outer);
  for (const [key, value] of Object.entries(node)) {
    if (key === 'file' || key === 'span') continue;
    if (key === 'comments') eachSpan(value, { start: 0, end: Number.POSITIVE_INFINITY }, visit);
    // A heredoc's content lies below its opener.
    else if (key === 'body') eachSpan(value, (node as { contentSpan: Span }).contentSpan, visit);
    else if (key.endsWith('Span')) visit(value as Span, outer);
    else eachSpan(value, own ?? outer, visit);
  }
}

function checkSpans(ast: DockerfileAst): void {
  for (const instruction of ast.instructions) {
    eachSpan(instruction, { start: 0, end: ast.file.text.length }, (span, outer) => {
      expect(span.start).toBeLessThanOrEqual(span.end);
      expect(span.start).toBeGreaterThanOrEqual(outer.start);
      expect(span.end).toBeLessThanOrEqual(outer.end);
    });
  }
}

test('any text gives a tree with spans inside the file and diagnostics that render', () => {
  fc.assert(
    fc.property(hostileText, (text) => {
      const { ast, diagnostics } = parse(text);
      checkSpans(ast);
      for (const diagnostic of diagnostics) {
        expect(diagnostic.span?.end ?? 0).toBeLessThanOrEqual(text.length);
        // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what must not be there
        expect(renderDiagnostic(diagnostic, ast.file, { color: false })).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202e]/);
      }
      parseOnbuildTrigger(text);
    }),
    { numRuns: 2000 },
  );
});

test('random texts are sound often enough to mean something', () => {
  fc.assert(
    fc.property(soundDockerfile, (text) => {
      expect(parse(text).diagnostics.filter((item) => item.severity === 'error')).toEqual([]);
    }),
    {
      numRuns: 500,
    },
  );
});

/** The tree without positions and without the text of lines, which printing normalises. */
function shape(node: unknown): unknown {
  if (Array.isArray(node)) return node.map(shape);
  if (typeof node !== 'object' || node === null) return node;
  const kept = Object.entries(node).filter(([key]) => !/^(?:span|.*Span|file|original)$/.test(key));
  return Object.fromEntries(kept.map(([key, value]) => [key, shape(value)]));
}

test('parse(print(ast)) is ast, apart from positions', () => {
  fc.assert(
    fc.property(soundDockerfile, (text) => {
      const { ast } = parse(text);
      const printed = printDockerfile(ast);
      const again = parse(printed);
      expect(hasErrors(again.diagnostics), printed).toBe(false);
      expect(shape(again.ast), printed).toEqual(shape(ast));
      expect(printDockerfile(again.ast)).toBe(printed);
    }),
    { numRuns: 1000 },
  );
});

test('spans of variables point at their text', () => {
  fc.assert(
    fc.property(soundDockerfile, (text) => {
      const { ast } = parse(text);
      const visit = (node: unknown): void => {
        if (typeof node !== 'object' || node === null) return;
        if ('type' in node && node.type === 'variable') expect(text.charAt((node as unknown as { span: Span }).span.start)).toBe('$');
        for (const [key, value] of Object.entries(node)) if (key !== 'file') visit(value);
      };
      visit(ast);
    }),
    { numRuns: 300 },
  );
});
