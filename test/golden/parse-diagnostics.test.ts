// Golden diagnostics as users see them: fixtures/diagnostics/<case>/{Dockerfile,expected.txt}.
import { expect, test } from 'vitest';
import { PARSE_DIAGNOSTICS } from '../../src/core/codes/parse.ts';
import { renderDiagnostic } from '../../src/core/render-diagnostic.ts';
import { parseDockerfile } from '../../src/parser/parse-dockerfile.ts';
import { expectGolden, goldenCases, readInput } from '../support/golden.ts';

/** Their input is too big for a fixture; test/unit/parser/limits.test.ts covers them. */
const BY_UNIT_TEST = ['parse/line-too-long', 'parse/too-many-instructions', 'parse/too-many-words', 'parse/too-many-problems'];

const seen = new Set<string>(BY_UNIT_TEST);

for (const { name, path } of goldenCases('diagnostics')) {
  test(name, () => {
    const file = { name: 'Dockerfile', text: readInput(path, 'Dockerfile') };
    const { diagnostics } = parseDockerfile(file);
    for (const { code, hint } of diagnostics) {
      seen.add(code);
      expect(hint ?? 'labelled').not.toBe('');
    }
    expectGolden(path, 'expected.txt', `${diagnostics.map((item) => renderDiagnostic(item, file, { color: false })).join('\n\n')}\n`);
  });
}

test('every code of the parser has a fixture', () => {
  expect(Object.keys(PARSE_DIAGNOSTICS).filter((code) => !seen.has(code))).toEqual([]);
});
