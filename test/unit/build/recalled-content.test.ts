// A large context that looks as it did is known without a look at its files; whatever could change what
// they hold or how they are copied is noticed.
import {
  chmodSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { SelectionContents } from '../../../src/build/solve/selection-content.ts';
import { openSqliteIndex, type SqliteIndex } from '../../../src/cache/sqlite-index.ts';
import { OpenDirectories } from '../../../src/context/open-directories.ts';
import { TsbuildError } from '../../../src/core/errors.ts';

const DIRECTORIES = 25;
const FILES = 100;

let base: string;
let root: string;
let index: SqliteIndex;
beforeAll(() => {
  base = mkdtempSync(join(tmpdir(), 'tsbuild-recalled-'));
  root = join(base, 'context');
  for (let dir = 0; dir < DIRECTORIES; dir++) {
    mkdirSync(join(root, `d${dir}`), { recursive: true });
    for (let file = 0; file < FILES; file++) writeFileSync(join(root, `d${dir}/f${file}`), `${dir} ${file}`);
  }
  symlinkSync('f1', join(root, 'd0/link'));
  index = openSqliteIndex(join(base, 'store'));
});
afterAll(() => {
  index.close();
  rmSync(base, { recursive: true, force: true });
});

const ALL = { pattern: '.', exclude: [] };
/** So much later that no file could still change unseen. */
const later = (): number => Date.now() + 60_000;

/** A build of its own: what it finds, and how many directories' files it had to know. */
async function look({ ignore = '', clock = later, pattern = '.' } = {}): Promise<{ readonly key: string; readonly asked: number }> {
  let asked = 0;
  const contents = new SelectionContents(
    {
      stats(directory) {
        asked += 1;
        return index.stats(directory);
      },
      saveStats: (rows) => index.saveStats(rows),
      fact: (name) => index.fact(name),
      setFact: (name, value, ttl) => index.setFact(name, value, ttl),
    },
    clock,
  );
  const { tree } = new OpenDirectories().open(root, { ignore: { name: 'x.dockerignore', text: ignore } });
  return { key: await contents.of(tree, { pattern, exclude: [] }), asked };
}

const forgetful = { stats: () => null, saveStats: () => undefined, fact: () => null, setFact: () => undefined };

/** The key of a build that remembers nothing. */
function plainKey(ignore = ''): Promise<string> {
  const { tree } = new OpenDirectories().open(root, { ignore: { name: 'x.dockerignore', text: ignore } });
  return new SelectionContents(forgetful).of(tree, ALL);
}

const at = (path: string): string => join(root, path);

/** Each touches files that none before it has touched. */
const EDITS: readonly (readonly [string, () => void])[] = [
  ['another text of equal length', () => writeFileSync(at('d0/f0'), '0 X')],
  [
    'the same with its old times',
    () => {
      const { atime, mtime } = statSync(at('d0/f1'));
      writeFileSync(at('d0/f1'), '0 Y');
      utimesSync(at('d0/f1'), atime, mtime);
    },
  ],
  ['another mode', () => chmodSync(at('d0/f2'), 0o755)],
  ['another mode of a directory', () => chmodSync(at('d1'), 0o700)],
  ['a file more', () => writeFileSync(at('d1/new'), '')],
  ['a file less', () => rmSync(at('d1/f0'))],
  ['another name', () => renameSync(at('d1/f1'), at('d1/g1'))],
  ['an empty directory', () => mkdirSync(at('d1/empty'))],
  [
    'a link to elsewhere',
    () => {
      rmSync(at('d0/link'));
      symlinkSync('f2', at('d0/link'));
    },
  ],
  [
    'a link in place of a file',
    () => {
      rmSync(at('d2/f0'));
      symlinkSync('f1', at('d2/f0'));
    },
  ],
  [
    'a hard link to another file',
    () => {
      rmSync(at('d2/f1'));
      linkSync(at('d2/f2'), at('d2/f1'));
    },
  ],
  [
    'another file moved into its place',
    () => {
      writeFileSync(at('d2/new'), '2 Z');
      renameSync(at('d2/new'), at('d2/f3'));
    },
  ],
  [
    'another directory moved into its place',
    () => {
      renameSync(at('d3'), join(base, 'old'));
      renameSync(at('d4'), at('d3'));
      renameSync(join(base, 'old'), at('d4'));
    },
  ],
];

it('knows a context that did not change without its files, and notices every change', async () => {
  const seen = new Set([(await look()).key]);
  expect(await look()).toEqual({ key: [...seen][0], asked: 0 });
  for (const [what, edit] of EDITS) {
    edit();
    const { key } = await look();
    expect(key, what).toBe(await plainKey());
    expect(seen, what).not.toContain(key);
    expect(await look(), what).toEqual({ key, asked: 0 });
    seen.add(key);
  }
});

it('knows one context under different rules apart', async () => {
  const all = await look();
  const some = await look({ ignore: 'd5\n**/f7' });
  expect(some.key).toBe(await plainKey('d5\n**/f7'));
  expect(some.key).not.toBe(all.key);
  expect(await look({ ignore: 'd5\n**/f7' })).toEqual({ key: some.key, asked: 0 });
  // What is left out with all it holds is not looked at.
  writeFileSync(at('d5/f0'), 'changed');
  expect(await look({ ignore: 'd5\n**/f7' })).toEqual({ key: some.key, asked: 0 });
  expect((await look()).key).not.toBe(all.key);
});

it('knows directories by what a wildcard calls them', async () => {
  const first = await look({ pattern: 'd*' });
  expect(await look({ pattern: 'd*' })).toEqual({ key: first.key, asked: 0 });
  renameSync(at('d24'), at('d99'));
  expect((await look({ pattern: 'd*' })).key).not.toBe(first.key);
});

it('does not trust files that changed a moment ago: they could change again within one tick', async () => {
  writeFileSync(at('d6/f0'), 'young');
  const clock = (): number => statSync(at('d6/f0')).ctimeMs + 1000;
  const first = await look({ clock });
  const again = await look({ clock });
  expect(again.key).toBe(first.key);
  expect(again.asked).toBeGreaterThan(0);
});

it('does not remember a file that was read in another state than the context was seen in', async () => {
  const contents = new SelectionContents(index, later);
  const { tree } = new OpenDirectories().open(root, { ignore: { name: '', text: '' } });
  await contents.of(tree, { pattern: 'd7/f0', exclude: [] });
  const before = readFileSync(at('d7/f0'));
  writeFileSync(at('d7/f0'), 'changed between two instructions');
  // One build copies one state of a file, whatever happens meanwhile.
  const during = await contents.of(tree, ALL);
  const after = await look();
  expect(after.key).toBe(await plainKey());
  expect(after.key).not.toBe(during);
  writeFileSync(at('d7/f0'), before);
  expect((await look()).key).toBe(during);
});

it.each([
  ['appeared', () => writeFileSync(at('d8/new'), 'new')],
  ['vanished', () => rmSync(at('d8/f9'))],
])('does not remember a directory in which a file %s between two instructions', async (_what, edit) => {
  const contents = new SelectionContents(index, later);
  const { tree } = new OpenDirectories().open(root, { ignore: { name: '', text: '' } });
  await contents.of(tree, { pattern: 'd8', exclude: ['nothing'] });
  edit();
  await contents.of(tree, ALL);
  expect((await look()).key).toBe(await plainKey());
});

it('goes on where there is no space to remember anything', async () => {
  const full = () => {
    throw new TsbuildError({ code: 'store/disk-full', message: 'no space left on device' });
  };
  const contents = new SelectionContents({ ...forgetful, setFact: full }, later);
  const { tree } = new OpenDirectories().open(root, { ignore: { name: '', text: '' } });
  expect(await contents.of(tree, ALL)).toBe(await plainKey());
});
