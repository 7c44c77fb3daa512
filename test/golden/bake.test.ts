// Every case under fixtures/bake: what `docker buildx bake --print` printed for it, byte for byte, or the
// refusal as tsbuild shows it. scripts/record-bake.ts records them; UPDATE=1 rewrites the refusals.
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { runBakeCase } from '../support/bake-case.ts';

const ROOT = join(import.meta.dirname, '../../fixtures/bake');

describe('bake files', () => {
  const cases = readdirSync(ROOT).sort();
  test.each(cases)('%s', (name) => {
    const directory = join(ROOT, name);
    const result = runBakeCase(directory);
    const refusal = join(directory, 'expected.txt');
    if (!existsSync(refusal)) {
      expect(result.json, result.messages).toBe(readFileSync(join(directory, 'expected.json'), 'utf8'));
      const conflicts = join(directory, 'conflicts.txt');
      if (process.env['UPDATE'] !== undefined && result.conflicts !== '') writeFileSync(conflicts, result.conflicts);
      expect(result.conflicts).toBe(existsSync(conflicts) ? readFileSync(conflicts, 'utf8') : '');
      return;
    }
    expect(result.json).toBeNull();
    if (process.env['UPDATE'] !== undefined) writeFileSync(refusal, result.messages);
    expect(result.messages).toBe(readFileSync(refusal, 'utf8'));
  });

  test('there are enough cases that agree with the oracle', () => {
    expect(cases.filter((name) => existsSync(join(ROOT, name, 'expected.json'))).length).toBeGreaterThanOrEqual(90);
  });
});
