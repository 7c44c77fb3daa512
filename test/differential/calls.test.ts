// --call=check, outline and targets, as text and JSON, byte for byte as Docker answered (scripts/record-calls.ts).
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { answersTo } from '../support/call-case.ts';
import { buildBase, openWorkbench, type Workbench } from '../support/cli.ts';
import { goldenCases } from '../support/golden.ts';

let bench: Workbench;
beforeAll(async () => {
  bench = openWorkbench();
  await buildBase(bench, 'busybox');
});
afterAll(() => bench.dispose());

describe.concurrent('as Docker', () => {
  test.each(goldenCases('call'))('$name', async ({ path }) => {
    expect(await answersTo(path, (flags) => bench.run(flags))).toBe(readFileSync(join(path, 'expected.txt'), 'utf8'));
  });
});
