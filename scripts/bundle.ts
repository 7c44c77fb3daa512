// Bundles the program into dist/: one small entry per process, code split so that a cached build
// loads nothing it does not need. Native and data packages stay outside.
import { readdirSync, rmSync } from 'node:fs';
import { build } from 'esbuild';

const dist = new URL('../dist/', import.meta.url).pathname;
rmSync(dist, { recursive: true, force: true });
const workers = readdirSync(new URL('../src/', import.meta.url), { recursive: true, encoding: 'utf8' }).filter((path) =>
  path.endsWith('-worker.ts'),
);
await build({
  entryPoints: {
    main: 'src/cli/main.ts',
    executor: 'src/executor/main.ts',
    ...Object.fromEntries(workers.map((path) => [path.replace(/^.*\//, '').replace(/\.ts$/, ''), `src/${path}`])),
  },
  outdir: dist,
  bundle: true,
  splitting: true,
  format: 'esm',
  platform: 'node',
  target: 'node24',
  external: ['koffi'],
  minifySyntax: true,
  minifyWhitespace: true,
  legalComments: 'none',
  logLevel: 'warning',
  // Bundled CommonJS packages reach built-in modules through require.
  banner: { js: "import { createRequire as __createRequire } from 'node:module'; const require = __createRequire(import.meta.url);" },
});
