// Layers pass through in pieces: the memory of a build does not grow with what its steps leave or copy.
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { measure } from '../../bench/process-tree.ts';
import { buildBase, openWorkbench, TSBUILD, type Workbench } from '../support/cli.ts';

/** Of a file that does not compress: held once as a whole, in whatever form, it is too much. */
const SIZE = 160 << 20;
/** Bytes that all processes of a build may have together. */
const MOST = 250e6;

let bench: Workbench;
beforeAll(async () => {
  bench = openWorkbench();
  await buildBase(bench);
});
afterAll(() => bench.dispose());

it('stays below 250 MB for a large file that RUN leaves and another stage copies', { timeout: 180_000 }, async () => {
  const context = bench.context({
    Dockerfile: `FROM base AS made\nRUN head -c ${SIZE} /dev/urandom > /big\nFROM base\nCOPY --from=made /big /big\n`,
  });
  const output = `type=oci,dest=${join(bench.dir, 'image.tar')}`;
  const {
    exitCode,
    peakMemory,
    output: text,
  } = await measure([TSBUILD, '--root', bench.root, '--output', output, context], process.env, true);
  expect(exitCode, text).toBe(0);
  expect(peakMemory).toBeGreaterThan(30e6);
  expect(peakMemory).toBeLessThan(MOST);
});
