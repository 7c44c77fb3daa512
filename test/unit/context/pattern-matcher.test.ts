import { describe, expect, it } from 'vitest';
import { parseIgnoreFile } from '../../../src/context/ignore-file.ts';
import { compilePatterns, compileRules } from '../../../src/context/pattern-matcher.ts';
import { cpuSeconds } from '../../support/cpu-time.ts';

const matcherOf = (text: string) => compileRules(parseIgnoreFile(text), '.dockerignore').matcher;

describe('parseIgnoreFile', () => {
  it('keeps the line numbers of the file', () => {
    expect(parseIgnoreFile('# a\n\n /x/ \n!  y\n')).toEqual([
      { pattern: 'x', text: ' /x/ ', line: 3 },
      { pattern: '!y', text: '!  y', line: 4 },
    ]);
  });
});

describe('explain', () => {
  it.each([
    ['logs/a.log', 1],
    ['logs/keep/b.log', 2],
    ['src/x', null],
    ['node_modules/a/b', 3],
  ])('%s is decided by line %s', (path, line) => {
    expect(matcherOf('logs\n!logs/keep\nnode_modules\n').explain(path)?.line ?? null).toBe(line);
  });
});

describe('compileRules', () => {
  it('names file and line of a malformed pattern and keeps the others', () => {
    const { matcher, diagnostics } = compileRules(parseIgnoreFile('a\n[\n!\nb\n'), 'D.dockerignore');
    expect(diagnostics.map(({ code, message }) => [code, message])).toEqual([
      ['context/bad-ignore-pattern', 'D.dockerignore:2: syntax error in pattern "["'],
      ['context/bad-ignore-pattern', 'D.dockerignore:3: illegal exclusion pattern: "!" stands alone'],
    ]);
    expect([matcher.matches('a'), matcher.matches('b'), matcher.matches('c')]).toEqual([true, true, false]);
  });
});

describe('compilePatterns', () => {
  it('does not strip a leading slash, as --exclude does not', () => {
    expect(compilePatterns(['/d']).matches('d')).toBe(false);
    expect(compilePatterns(['d/']).matches('d')).toBe(true);
    expect(compilePatterns(['']).matches('d')).toBe(false);
  });

  it.each(['[', '!', 'foo\\y'])('refuses %j', (pattern) => {
    expect(() => compilePatterns([pattern])).toThrow(expect.objectContaining({ code: 'context/bad-pattern' }));
  });
});

describe('hostile patterns', () => {
  it('take time proportional to pattern and path', () => {
    const matcher = compilePatterns([`${'*a'.repeat(200)}b`, `${'**/a'.repeat(50)}/c`, `x${'**'.repeat(100)}y`]);
    const cost = cpuSeconds(() => {
      expect(matcher.matches('a'.repeat(4000))).toBe(false);
      expect(matcher.matches(`x${'/a'.repeat(400)}`)).toBe(false);
    });
    expect(cost).toBeLessThan(5);
  });
});
