// A process as two scripts. program.js is what nearly every command runs: it is in the start-up snapshot, where
// each function costs every process time. program-parts.js is the rest, read when something of it is imported.
// What one needs of the other it requires as `tsbuild:PATH`; load-program.ts answers. The same for the executor.
import { writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { type BuildOptions, build, type OnResolveArgs, type Plugin } from 'esbuild';
import { MODULE_PREFIX, type ProgramName, partsOf } from './load-program.ts';

/** The first is the entry. The `import()`s in them name what is in the program beside what it imports. */
const ROOTS: Readonly<Record<ProgramName, readonly [string, ...string[]]>> = {
  program: ['src/cli/bundled.ts', 'src/build/warm-up.ts'],
  executor: ['src/executor/bundled.ts'],
};
/** Stands for all that a module exports. */
const WHOLE = '*';

/** `absWorkingDir` is the folder that holds src/; paths of modules are relative to it. */
export type SplitOptions = BuildOptions & { readonly absWorkingDir: string };

interface Bundled {
  readonly text: string;
  /** Modules of which something is in the text. */
  readonly modules: ReadonlySet<string>;
  /** Where `import()`s lead, and the modules that they are in. */
  readonly lazy: ReadonlyMap<string, ReadonlySet<string>>;
}

/**
 * Writes both scripts. No module is in both, but packages are in each that uses them: what they export has no
 * names at times. What the parts need may bring more into the program, and so leave less for the parts.
 */
export async function splitProgram(name: ProgramName, options: SplitOptions, outdir: string): Promise<void> {
  const roots = ROOTS[name];
  // Names that the program gives away, by module.
  const shared = new Map<string, Set<string>>();
  for (let before = -1; ; ) {
    const program = await bundle(options, programEntry(roots[0], shared), 'cjs', (_, { kind }) => kind === 'dynamic-import');
    const inProgram = (path: string): boolean => program.modules.has(path) && !path.startsWith('..') && !path.startsWith('node_modules');
    const entry = partsEntry([...program.lazy.keys()].filter((path) => !inProgram(path)));
    if (before === count(shared)) {
      const parts = await bundle(options, entry, 'cjs', inProgram);
      writeFileSync(join(outdir, `${name}.js`), program.text);
      writeFileSync(join(outdir, `${partsOf(name)}.js`), parts.text);
      return;
    }
    before = count(shared);
    const add = (path: string, name: string): unknown => shared.set(path, (shared.get(path) ?? new Set()).add(name));
    for (const [path, importers] of program.lazy) if (inProgram(path) || roots.some((root) => importers.has(root))) add(path, WHOLE);
    for (const [path, name] of importsIn((await bundle(options, entry, 'esm', inProgram)).text)) add(path, name);
  }
}

const count = (shared: ReadonlyMap<string, ReadonlySet<string>>): number =>
  [...shared.values()].reduce((sum, names) => sum + names.size, 0);

/** Namespaces that esbuild makes are there from the start; what `shared` returns is made when something asks for it. */
function programEntry(root: string, shared: ReadonlyMap<string, ReadonlySet<string>>): string[] {
  const modules = [...shared].map(([path, names], at) => {
    const some = [...names].map((name) => `${name}: m${at}.${name}`).join(', ');
    return {
      line: `import * as m${at} from './${path}';`,
      entry: `${quote(path)}: ${names.has(WHOLE) ? `m${at}` : `{ __esModule: true, ${some} }`}`,
    };
  });
  const entries = modules.map(({ entry }) => entry).join(', ');
  return [
    `export { runProgram, warmUp } from './${root}';`,
    ...modules.map(({ line }) => line),
    `export const shared = () => ({ ${entries} });`,
  ];
}

const partsEntry = (paths: readonly string[]): string[] =>
  paths.map((path) => `module.exports[${quote(path)}] = () => require('./${path}');`);

const quote = (path: string): string => JSON.stringify(`${MODULE_PREFIX}${path}`);

/** Modules of the program, and names of them, that the text of an ES module imports. */
function importsIn(text: string): (readonly [path: string, name: string])[] {
  const statements = text.matchAll(
    new RegExp(`\\b(?:import|export)\\s*(\\{[^}]*\\}|[\\w$*\\s,]+)\\s*from\\s*"${MODULE_PREFIX}([^"]*)"`, 'g'),
  );
  return [...statements].flatMap(([, clause = '', path = '']) => {
    const braces = /^\{(.*)\}$/s.exec(clause)?.[1];
    if (braces === undefined) return [[path, WHOLE] as const];
    return braces.split(',').map((part) => [path, part.trim().split(/\s+as\s+/)[0] ?? ''] as const);
  });
}

async function bundle(
  options: SplitOptions,
  entry: readonly string[],
  format: 'cjs' | 'esm',
  isElsewhere: (path: string, args: OnResolveArgs) => boolean,
): Promise<Bundled> {
  const home = options.absWorkingDir;
  const lazy = new Map<string, Set<string>>();
  const links: Plugin = {
    name: 'links',
    setup(build) {
      build.onResolve({ filter: /^/ }, async (args) => {
        if (args.pluginData === links) return undefined;
        const { path, kind, importer, resolveDir } = args;
        const found = await build.resolve(path, { kind, importer, resolveDir, pluginData: links });
        if (found.external || found.errors.length > 0) return undefined;
        const target = relative(home, found.path);
        if (kind === 'dynamic-import') lazy.set(target, (lazy.get(target) ?? new Set()).add(relative(home, importer)));
        return isElsewhere(target, args) ? { path: `${MODULE_PREFIX}${target}`, external: true, sideEffects: false } : undefined;
      });
    },
  };
  const { outputFiles, metafile } = await build({
    ...options,
    stdin: { contents: entry.join('\n'), resolveDir: home },
    format,
    // Scripts of a snapshot cannot import().
    supported: { 'dynamic-import': false },
    minifyIdentifiers: true,
    define: { 'import.meta.url': '__place.url', 'import.meta.dirname': '__place.dirname', 'import.meta.filename': '__place.filename' },
    banner: { js: '(function(module,require,__place){' },
    footer: { js: '})' },
    plugins: [...(options.plugins ?? []), links],
    write: false,
    metafile: true,
  });
  const inputs = Object.values(metafile.outputs)[0]?.inputs ?? {};
  const modules = Object.keys(inputs).filter((path) => (inputs[path]?.bytesInOutput ?? 0) > 0);
  return { text: outputFiles[0]?.text ?? '', modules: new Set(modules), lazy };
}
