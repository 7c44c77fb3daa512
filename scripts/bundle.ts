// Bundles the program into dist/. The main process is one script, started from a snapshot of V8's heap
// (program.blob) or, where that does not fit, with compiled code (program.cache); docs/performance.md has
// the numbers. The executor is made of ES modules. Native packages stay outside.
import { renameSync, rmSync } from 'node:fs';
import { resolve } from 'node:path';
import { type BuildOptions, build } from 'esbuild';
import { chevrotainTable } from './launch/chevrotain-table.ts';
import { makeCodeCache, makeSnapshot } from './launch/make-startup.ts';
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
  splitProgram({ ...common, plugins: [chevrotainTable] }, dist),
  build({
    ...common,
    entryPoints: { executor: 'src/executor/main.ts' },
    outdir: dist,
    splitting: true,
    format: 'esm',
    // Bundled CommonJS packages reach built-in modules through require.
    banner: { js: "import { createRequire as __createRequire } from 'node:module'; const require = __createRequire(import.meta.url);" },
  }),
  build({
    ...common,
    entryPoints: { main: 'scripts/launch/main.ts', 'read-thread': 'src/context/read-thread.ts' },
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
// Both only make starting faster: without them the program runs all the same.
const problem = makeCodeCache(dist) ?? makeSnapshot(dist);
if (problem !== null) process.stderr.write(`bundle: tsbuild will start more slowly: ${problem}\n`);
rmSync(launchers, { recursive: true });
rmSync(target, { recursive: true, force: true });
renameSync(dist, target);
