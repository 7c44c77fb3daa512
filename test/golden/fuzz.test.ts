// What fuzzing found (docs/fuzzing.md): fixtures/fuzz/<digest>/Dockerfile.
import { expect, test } from 'vitest';
import { goldenCases, readInput } from '../support/golden.ts';
import { judgeText } from '../support/judge-text.ts';

for (const { name, path } of goldenCases('fuzz')) {
  test(name, () => {
    expect(judgeText(readInput(path, 'Dockerfile')).problems).toEqual([]);
  });
}
