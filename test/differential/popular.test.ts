// Checks of Dockerfiles as people write them: Docker's, line for line (scripts/record-calls.ts), and of ours only those deserved.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { buildBase, openWorkbench, type Workbench } from '../support/cli.ts';
import { goldenCases } from '../support/golden.ts';
import { findingsIn, flagsOf } from '../support/popular-case.ts';

let bench: Workbench;
beforeAll(async () => {
  bench = openWorkbench();
  await buildBase(bench, 'busybox');
});
afterAll(() => bench.dispose());

const ADVICE: Readonly<Record<string, readonly string[]>> = {
  legacy: ['9 AptGetWithoutCleanup: apt-get install leaves its package lists in the image'],
  'node-app': ['.env.local', '.env.test', 'client/.npmrc'].map(
    (name) => `6 SecretFileCopied: "${name}" looks like a secret and gets into the image`,
  ),
};

describe.concurrent('checks are those of Docker', () => {
  test.each(goldenCases('popular'))('$name', async ({ name, path }) => {
    const { stdout, stderr } = await bench.run([...flagsOf(path), path]);
    expect(stdout, stderr).toMatch(/^Check complete/);
    expect(findingsIn(stdout, 'WARNING')).toEqual(readFileSync(join(path, 'expected.txt'), 'utf8').split('\n').slice(0, -1));
    expect(findingsIn(stdout, 'ADVICE')).toEqual(ADVICE[name] ?? []);
  });
});
