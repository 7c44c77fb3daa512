// Golden trees: fixtures/parse/<case>/{Dockerfile,ast.txt}. Cases are free of errors.
import { expect, test } from 'vitest';
import { parseDockerfile } from '../../src/parser/parse-dockerfile.ts';
import { astText } from '../support/ast-text.ts';
import { expectGolden, goldenCases, readInput } from '../support/golden.ts';

for (const { name, path } of goldenCases('parse')) {
  test(name, () => {
    const { ast, diagnostics } = parseDockerfile({ name: 'Dockerfile', text: readInput(path, 'Dockerfile') });
    expect(diagnostics.filter((diagnostic) => diagnostic.severity === 'error')).toEqual([]);
    expectGolden(path, 'ast.txt', astText(ast));
  });
}
