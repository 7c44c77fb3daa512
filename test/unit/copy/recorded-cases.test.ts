// Every case of fixtures/copy was recorded from Docker (see scripts/record-copy-cases.ts): the plan must list the same entries.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { TsbuildError } from '../../../src/core/errors.ts';
import { parseCase } from './case-file.ts';
import { planCase } from './plan-case.ts';

const ROOT = join(import.meta.dirname, '../../../fixtures/copy');
const files = readdirSync(ROOT, { recursive: true, encoding: 'utf8' })
  .filter((name) => name.endsWith('.txt'))
  .sort();

describe('recorded copies', () => {
  it.each(files)('%s', async (file) => {
    const value = parseCase(readFileSync(join(ROOT, file), 'utf8'));
    if (value.sections.has('error')) {
      const failure = await planCase(value).then(
        () => null,
        (error: unknown) => error,
      );
      expect(failure).toBeInstanceOf(TsbuildError);
      expect((failure as TsbuildError).code).toBe(value.code);
      return;
    }
    const expected = value.instructions
      .filter((line) => !line.startsWith('USER '))
      .map((_, index) => value.sections.get(`layer ${index + 1}`));
    const planned = await planCase(value);
    // Members of archives are written last.
    const sorted = (layers: readonly (readonly string[] | undefined)[]) => layers.map((lines) => lines?.toSorted());
    const unpacks = [...value.sections.keys()].some((name) => name.startsWith('archive '));
    expect(unpacks ? sorted(planned) : planned).toEqual(unpacks ? sorted(expected) : expected);
  });
});
