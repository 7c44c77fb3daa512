// Bundles tsbuild into dist/. The main process and the executor are two scripts each (split-program.ts), started
// from a snapshot of V8's heap (NAME.blob) or, where that does not fit, with compiled code (NAME.cache);
// docs/performance.md has the numbers. Native packages stay outside.
import { renameSync, rmSync } from 'node:fs';
import { resolve } from 'node:path';
import { type BuildOptions, build } from 'esbuild';
import { chevrotainTable } from './launch/chevrotain-table.ts';
import { makeStartup } from './launch/make-startup.ts';
import { splitProgram } from './launch/split-program.ts';

const target = resolve(process.argv[2] ?? new URL('../dist', import.meta.url).pathname);
// Made beside it and moved into place, so that a tsbuild started meanwhile finds the old or the new one.
const dist = `${target}.new`;
const launchers = `${dist}/launch`;

const common = {
  bundle: true,
  platform: 'node',
  target: 'node24',
  external: ['koffi'],
  minifySyntax: true,
  minifyWhitespace: true,
  legalComments: 'none',
  logLevel: 'warning',
  absWorkingDir: new URL('..', import.meta.url).pathname,
} satisfies BuildOptions;

rmSync(dist, { recursive: true, force: true });
await Promise.all([
  splitProgram('program', { ...common, plugins: [chevrotainTable] }, dist),
  splitProgram('executor', common, dist),
  build({
    ...common,
    entryPoints: {
      main: 'scripts/launch/main.ts',
      executor: 'scripts/launch/main-executor.ts',
      'read-thread': 'src/context/read-thread.ts',
    },
    outdir: dist,
    outExtension: { '.js': '.cjs' },
    format: 'cjs',
  }),
  build({
    ...common,
    entryPoints: { train: 'scripts/launch/train.ts', snapshot: 'scripts/launch/snapshot.ts' },
    outdir: launchers,
    outExtension: { '.js': '.cjs' },
    format: 'cjs',
  }),
]);
// It only makes starting faster: without it everything runs all the same.
const problem = await makeStartup(dist);
if (problem !== null) process.stderr.write(`bundle: tsbuild will start more slowly: ${problem}\n`);
rmSync(launchers, { recursive: true });
rmSync(target, { recursive: true, force: true });
renameSync(dist, target);
