import { appendFileSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { contentKeyOfSelection, selectedFiles } from '../../../src/context/content-key.ts';
import { hashContextFiles } from '../../../src/context/hash-files.ts';
import { type LocalTree, openLocalTree } from '../../../src/context/local-tree.ts';
import { selectSources } from '../../../src/context/select-sources.ts';
import type { StatCache, StatRow } from '../../../src/context/stat-cache.ts';
import { sha256Hex } from '../../../src/core/digest.ts';
import type { FileEntry } from '../../../src/core/file-entry.ts';

let root = '';
const at = (...parts: string[]): string => join(root, ...parts);
const LATER = (): number => Date.now() + 60_000;

function memoryCache(): StatCache & { readonly rows: Map<string, StatRow> } {
  const rows = new Map<string, StatRow>();
  return {
    rows,
    get: (directory) => {
      // Newest first, so that a look-up cannot rely on the order of names.
      const here = [...rows].filter(([path]) => path.slice(0, path.lastIndexOf('/') + 1) === directory).reverse();
      const stamps = here.flatMap(([, { size, mtime, ctime, inode }]) => [BigInt(size), mtime, ctime, inode]);
      const names = here.map(([path]) => path.slice(directory.length));
      return { names, stamps: new BigInt64Array(stamps), digests: here.map(([, { sha256 }]) => sha256).join('') };
    },
    put: (fresh) => {
      for (const [path, row] of fresh) rows.set(path, row);
    },
  };
}

const entriesOf = (tree: LocalTree, paths: readonly string[]): FileEntry[] => paths.flatMap((path) => tree.lstat(path) ?? []);

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'hash-'));
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

describe('hashContextFiles', () => {
  it('hashes regular files and passes over the rest', async () => {
    writeFileSync(at('small'), 'abc');
    writeFileSync(at('empty'), '');
    const large = Buffer.alloc(3_000_000, 'x');
    writeFileSync(at('large'), large);
    symlinkSync('small', at('link'));
    const tree = openLocalTree(root);
    const report = await hashContextFiles(tree, entriesOf(tree, ['small', 'empty', 'large', 'link', 'missing', '']), memoryCache());
    expect(report).toEqual({ reused: 0, hashed: 3, bytes: 3_000_003 });
    expect(['small', 'empty', 'large', 'link'].map((path) => tree.lstat(path)?.sha256)).toEqual([
      sha256Hex('abc'),
      sha256Hex(''),
      sha256Hex(large),
      undefined,
    ]);
  });

  it('does not read an unchanged file again, but a changed one', async () => {
    for (const name of ['a', 'b', 'c']) writeFileSync(at(name), 'one');
    const cache = memoryCache();
    const run = () => {
      const tree = openLocalTree(root);
      return hashContextFiles(tree, tree.entries(''), cache, { clock: LATER });
    };
    expect(await run()).toMatchObject({ hashed: 3 });
    expect(await run()).toEqual({ reused: 3, hashed: 0, bytes: 0 });
    writeFileSync(at('a'), 'two');
    utimesSync(at('b'), 1, 1);
    expect(await run()).toMatchObject({ reused: 1, hashed: 2 });
  });

  it('does not trust what could change within the same tick', async () => {
    writeFileSync(at('young'), 'one');
    const cache = memoryCache();
    const tree = openLocalTree(root);
    await hashContextFiles(tree, tree.entries(''), cache);
    expect(cache.rows.size).toBe(0);
  });

  it('takes size and hash of what it read when the file grew after the walk', async () => {
    writeFileSync(at('log'), 'one');
    const tree = openLocalTree(root);
    expect(tree.lstat('log')?.size).toBe(3);
    appendFileSync(at('log'), 'two');
    await hashContextFiles(tree, entriesOf(tree, ['log']), memoryCache());
    expect(tree.lstat('log')).toMatchObject({ size: 6, sha256: sha256Hex('onetwo') });
  });

  it('hashes files of several directories and of any number', async () => {
    for (const dir of ['d', 'e', 'e/f']) mkdirSync(at(dir));
    const names = Array.from({ length: 600 }, (_, index) => `${['d', 'e/f', 'e'][index % 3]}/${index}`);
    for (const name of names) writeFileSync(at(name), name);
    const tree = openLocalTree(root);
    await hashContextFiles(tree, entriesOf(tree, names), memoryCache());
    expect(names.map((name) => tree.lstat(name)?.sha256)).toEqual(names.map((name) => sha256Hex(name)));
  });

  it.each([
    ['vanished', 'context/changed'],
    ['became a link', 'context/changed'],
  ])('says so when a file %s', async (what, code) => {
    writeFileSync(at('f'), 'x');
    const tree = openLocalTree(root);
    const entries = entriesOf(tree, ['f']);
    rmSync(at('f'));
    if (what === 'became a link') symlinkSync('/etc/passwd', at('f'));
    await expect(hashContextFiles(tree, entries, memoryCache())).rejects.toMatchObject({ code });
  });
});

describe('content keys of a selection', () => {
  const keyOf = async (pattern: string): Promise<string> => {
    const tree = openLocalTree(root);
    await hashContextFiles(tree, selectedFiles(tree, selectSources(tree, pattern)), memoryCache());
    return contentKeyOfSelection(tree, selectSources(tree, pattern));
  };

  it('ignores times and the name of a literal source, minds the names of matches', async () => {
    writeFileSync(at('one'), 'x');
    const before = await keyOf('one');
    utimesSync(at('one'), 5, 5);
    expect(await keyOf('one')).toBe(before);
    writeFileSync(at('two'), 'x');
    expect(await keyOf('two')).toBe(before);
    expect(await keyOf('on?')).not.toBe(await keyOf('tw?'));
  });

  it('leaves the metadata of the selected directory out, and that of directories in it in', async () => {
    mkdirSync(at('d/e'), { recursive: true, mode: 0o755 });
    const before = await keyOf('d');
    rmSync(at('d'), { recursive: true });
    mkdirSync(at('d'), { mode: 0o700 });
    mkdirSync(at('d/e'), { mode: 0o755 });
    expect(await keyOf('d')).toBe(before);
    rmSync(at('d/e'), { recursive: true });
    mkdirSync(at('d/e'), { mode: 0o700 });
    expect(await keyOf('d')).not.toBe(before);
  });
});
