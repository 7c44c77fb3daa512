import { expect, test } from 'vitest';
import type { Diagnostic } from '../../../src/core/diagnostic.ts';
import { renderDiagnostic } from '../../../src/core/render-diagnostic.ts';

const diagnostic = (start: number, end: number, extras: Partial<Diagnostic> = {}): Diagnostic => ({
  code: 'parse/arity',
  severity: 'error',
  message: 'no',
  span: { start, end },
  ...extras,
});

const render = (text: string, item: Diagnostic): string => renderDiagnostic(item, { name: 'Dockerfile', text }, { color: false });

/** What stands under the underline. */
function underlined(text: string, item: Diagnostic): string {
  const lines = render(text, item).split('\n');
  const at = lines.findIndex((line) => /^\s*\|\s*\^+/.test(line));
  const marks = /\^+/.exec(lines[at] ?? '');
  return (lines[at - 1] ?? '').slice(marks?.index, (marks?.index ?? 0) + (marks?.[0].length ?? 0));
}

test('the caret stands under the exact span', () => {
  expect(underlined('FROM a\nCOPY --x a b\n', diagnostic(12, 15))).toBe('--x');
  expect(underlined('\tCOPY\t--x', diagnostic(6, 9))).toBe('--x');
  expect(underlined('\u001b[31m --x', diagnostic(6, 9))).toBe('--x');
  expect(underlined(`${'a'.repeat(500)} --x ${'b'.repeat(500)}`, diagnostic(501, 504))).toBe('--x');
});

test('a place at the end of the file is shown', () => {
  expect(render('FROM a\n', diagnostic(7, 7))).toBe('error[parse/arity]: no\n --> Dockerfile:2:1\n  |\n2 |\n  | ^');
  expect(render('', diagnostic(5, 9))).toContain('Dockerfile:1:1');
});

test('a span over many lines shows its beginning and its end', () => {
  const text = Array.from({ length: 20 }, (_, index) => `line ${index + 1}`).join('\n');
  const shown = render(text, diagnostic(0, text.length));
  expect(shown).toContain('line 1\n');
  expect(shown).toContain('...');
  expect(shown).toContain('20 | line 20');
  expect(shown).not.toContain('line 10');
});

test('labels, notes and hint follow', () => {
  const item = diagnostic(0, 4, { labels: [{ span: { start: 5, end: 6 }, text: 'here' }], notes: ['n'], hint: 'h' });
  expect(render('FROM a', item).split('\n').slice(3)).toEqual([
    '1 | FROM a',
    '  | ^^^^',
    '  |      - here',
    '  |',
    '  = note: n',
    '  = hint: h',
  ]);
});

test('nothing of the source reaches the terminal as a command', () => {
  const shown = render('\u001b]0;x\u0007\u202e\u200b\ud800\u009b', diagnostic(0, 3, { message: 'bad \u001b[2J\n\u202e' }));
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what must not be there
  expect(shown).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u200b\u202e\ud800]/);
  expect(shown.split('\n')).toHaveLength(5);
});

test('colour adds escape sequences and nothing else', () => {
  const item = diagnostic(0, 4, { hint: 'h' });
  const file = { name: 'Dockerfile', text: 'FROM a' };
  const colored = renderDiagnostic(item, file, { color: true });
  // biome-ignore lint/suspicious/noControlCharactersInRegex: the sequences are the subject
  expect(colored.replace(/\u001b\[[\d;]*m/g, '')).toBe(renderDiagnostic(item, file, { color: false }));
  expect(colored).toContain('\u001b[1;31m');
});
