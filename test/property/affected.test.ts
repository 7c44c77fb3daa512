// The law of --affected: whatever is done to a repository, a target whose image differs afterwards is
// listed; and a target that is listed because of a file does differ.
import { chmodSync, existsSync, lstatSync, mkdirSync, mkdtempSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { affectedTargets } from '../../src/build/affected/affected-targets.ts';
import type { Reason } from '../../src/build/affected/reason.ts';
import { type OpenBakeOptions, openBake } from '../../src/build/bake/open-bake.ts';
import { runBake } from '../../src/build/bake/run-bake.ts';
import { openSession, type Session } from '../../src/build/session.ts';
import { openRepository, type TestRepository } from '../support/git-work-tree.ts';

const target = (name: string, text: string): string => `target "${name}" {\n${text}\n}\n`;
const FILES = {
  'docker-bake.hcl': [
    'variable "ROOT" { }\nvariable "V" { default = "1" }\n',
    target('default', 'context = ROOT\ndockerfile-inline = "FROM scratch\\nCOPY --parents deep/**/x /"'),
    target('some', 'context = "${ROOT}/some"'),
    target('part', 'context = ROOT\ndockerfile = "part/Dockerfile"\nargs = { V = V }'),
    target('whole', 'context = "${ROOT}/whole"'),
    target('own', 'context = ROOT\ndockerfile = "own/Dockerfile"'),
    target('base', 'context = "${ROOT}/base"\ncontexts = { extra = "${ROOT}/extra" }'),
    target('upper', 'context = ROOT\ndockerfile = "upper/Dockerfile"\ncontexts = { base = "target:base" }'),
  ].join(''),
  'some/Dockerfile': 'FROM scratch\nCOPY a x* /\n',
  'some/.dockerignore': 'b\n',
  'part/Dockerfile': 'FROM scratch AS unused\nCOPY whole /\nFROM scratch\nARG V\nLABEL v=$V\nCOPY part/ link /part/\n',
  'whole/Dockerfile': 'FROM scratch\nCOPY . /\n',
  'whole/.dockerignore': 'skip\n!skip/keep\n**/b\n',
  'own/Dockerfile': 'FROM scratch\nCOPY --exclude=**/x own some /\n',
  'own/Dockerfile.dockerignore': 'some/x\n',
  'base/Dockerfile': 'FROM scratch\nENV D=a\nCOPY --from=extra . /\n',
  'upper/Dockerfile': 'FROM base\nCOPY upper/$D /\n',
  '.gitignore': '*.log\n',
  ...Object.fromEntries(
    ['some', 'part', 'whole', 'own', 'base', 'extra', 'upper', 'deep', 'docs', 'whole/skip', 'deep/d'].flatMap((dir) =>
      ['a', 'b', 'x'].map((name) => [`${dir}/${name}`, `${dir}/${name}\n`]),
    ),
  ),
  'whole/skip/keep': 'keep\n',
};

const directory = fc.constantFrom(
  'some',
  'part',
  'whole',
  'own',
  'base',
  'extra',
  'upper',
  'deep',
  'docs',
  'whole/skip',
  'deep/d',
  'new',
  '.',
);
const path = fc
  .tuple(directory, fc.constantFrom('a', 'b', 'x', 'x2', 'n.log', 'keep', 'link', 'Dockerfile'))
  .map((parts) => parts.join('/'));
const special = fc.constantFrom<readonly [string, string]>(
  ['some/.dockerignore', 'x*\n'],
  ['whole/.dockerignore', 'skip\n'],
  ['.dockerignore', '*\n!part\n'],
  ['own/Dockerfile.dockerignore', '# nothing\n'],
  ['some/Dockerfile.dockerignore', 'a\n'],
  ['.gitignore', 'a\n'],
  ['.gitattributes', '* text=auto\n'],
  ['docker-bake.hcl', FILES['docker-bake.hcl'].replace('"1"', '"2"')],
);
const edit = fc.oneof(
  fc.record({ type: fc.constantFrom('write', 'remove', 'executable', 'private', 'mkdir', 'touch'), path }),
  fc.record({ type: fc.constantFrom('rename', 'symlink'), path, other: path }),
  special.map(([name, content]) => ({ type: 'content', path: name, content })),
);
type Edit = typeof edit extends fc.Arbitrary<infer T> ? T & { readonly other?: string; readonly content?: string } : never;

/** One for each way in which a change reaches a target. */
const EXAMPLES: Edit[][] = [
  [{ type: 'write', path: 'extra/a' }],
  [{ type: 'remove', path: 'some/x' }],
  [{ type: 'private', path: 'part/a' }],
  [{ type: 'rename', path: 'deep/d/x', other: 'deep/x' }],
  [{ type: 'content', path: 'whole/.dockerignore', content: 'skip\n' }],
  [{ type: 'mkdir', path: 'whole/x2' }],
];

let repository: TestRepository;
let session: Session;
let bake: OpenBakeOptions;
let store: string;
let names: readonly string[];
let before: ReadonlyMap<string, string>;

beforeAll(async () => {
  repository = openRepository({ ...FILES, 'part/link': '' });
  rmSync(join(repository.top, 'part/link'));
  symlinkSync('../docs/a', join(repository.top, 'link'));
  repository.commit();
  store = mkdtempSync(join(tmpdir(), 'tsbuild-affected-'));
  session = openSession({ root: store, emit: () => undefined, signal: new AbortController().signal, clock: () => 0, isolation: 'auto' });
  const environment = { PATH: process.env['PATH'], ROOT: repository.top, SOURCE_DATE_EPOCH: '1' };
  bake = { files: [join(repository.top, 'docker-bake.hcl')], targets: ['*'], overrides: [], environment, workingDirectory: repository.top };
  names = (await openBake(bake)).targets.map(({ name }) => name);
  before = await images();
});
afterAll(async () => {
  await session?.close();
  repository?.dispose();
  rmSync(store, { recursive: true, force: true });
});

/** Digest by target; what cannot be built has its error. */
async function images(): Promise<ReadonlyMap<string, string>> {
  const { targets } = await openBake(bake);
  const { environment, workingDirectory } = bake;
  const outcomes = await runBake(session, targets, { environment, workingDirectory, allow: [], jobs: 1, failFast: false });
  return new Map(
    outcomes.map((outcome) => [outcome.target.name, outcome.type === 'built' ? (outcome.outcome.descriptor?.digest ?? '') : outcome.type]),
  );
}

function apply(one: Edit): void {
  const file = join(repository.top, one.path);
  const { type, other = '' } = one;
  const isFile = existsSync(file) && lstatSync(file).isFile();
  try {
    if (type === 'remove') rmSync(file, { recursive: true, force: true });
    else if (type === 'rename' && existsSync(file)) renameSync(file, join(repository.top, other));
    else if (type === 'executable' && isFile) chmodSync(file, 0o755);
    else if (type === 'private' && isFile) chmodSync(file, 0o600);
    else if (type === 'touch' && isFile) writeFileSync(file, FILES[one.path as keyof typeof FILES] ?? '');
    else if (['write', 'mkdir', 'symlink', 'content'].includes(type)) {
      mkdirSync(type === 'mkdir' ? file : dirname(file), { recursive: true });
      if (type === 'write') writeFileSync(file, /Dockerfile$/.test(file) ? 'FROM scratch\nCOPY a /new\n' : 'written\n');
      if (type === 'content') writeFileSync(file, one.content ?? '');
      if (type === 'symlink') symlinkSync(other, file);
    }
  } catch (error) {
    // Some edits are not possible: a directory in the place of a file.
    if ((error as NodeJS.ErrnoException).code === undefined) throw error;
  }
}

const differs = (after: ReadonlyMap<string, string>, name: string): boolean => after.get(name) !== before.get(name);

it('lists every target whose image changes, and by files only those', { timeout: 300_000 }, async () => {
  expect([...before.values()].every((digest) => digest.startsWith('sha256:'))).toBe(true);
  await fc.assert(
    fc.asyncProperty(fc.array(edit as fc.Arbitrary<Edit>, { minLength: 1, maxLength: 3 }), async (edits) => {
      repository.restore();
      for (const one of edits) apply(one);
      const { targets } = await affectedTargets(session, { bake, names, ref: 'HEAD', strict: true });
      const listed = new Map<string, Reason>(targets.map(({ name, reason }) => [name, reason]));
      const after = await images();
      expect(names.filter((name) => differs(after, name) && !listed.has(name))).toEqual([]);
      const byFile = [...listed].filter(([, { kind }]) => kind === 'file');
      expect(byFile.filter(([name]) => !differs(after, name))).toEqual([]);
    }),
    { numRuns: Number(process.env['TSBUILD_EDITS'] ?? 16), examples: EXAMPLES.map((edits) => [edits]) },
  );
});
