// The import direction of ARCHITECTURE.md as rules. One allow-table generates one rule per folder.
const ALLOWED = {
  core: [],
  parser: ['core'],
  graph: ['core'],
  planner: ['core', 'parser', 'graph'],
  context: ['core'],
  cache: ['core'],
  executor: ['core', 'graph', 'cache', 'context'],
  push: ['core', 'cache'],
  bake: ['core'],
  build: ['core', 'parser', 'graph', 'planner', 'context', 'cache', 'executor', 'push', 'bake'],
  cli: ['core', 'build'],
};

const PURE = '^src/(core|parser|graph|planner)/';

/** @type {import('dependency-cruiser').IConfiguration} */
export default {
  forbidden: [
    ...Object.entries(ALLOWED).map(([folder, allowed]) => ({
      name: `layer-${folder}`,
      severity: 'error',
      from: { path: `^src/${folder}/` },
      to: { path: '^(src|bin|test)/', pathNot: `^src/(${[folder, ...allowed].join('|')})/` },
    })),
    { name: 'no-cycles', severity: 'error', from: {}, to: { circular: true, viaOnly: { dependencyTypesNot: ['type-only'] } } },
    {
      name: 'pure-core',
      severity: 'error',
      comment: 'No IO below build: only node:crypto is allowed',
      from: { path: PURE },
      to: { dependencyTypes: ['core'], pathNot: '^(node:)?crypto$' },
    },
    { name: 'no-tests-in-src', severity: 'error', from: { path: '^src/' }, to: { path: '^test/' } },
  ],
  options: { tsPreCompilationDeps: true, tsConfig: { fileName: 'tsconfig.json' }, doNotFollow: { path: 'node_modules' } },
};
