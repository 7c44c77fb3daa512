// Layers that try to write or read outside their snapshot (field CVE classes 9, 10, 12, 13): whatever
// they say, files around the snapshot stay as they were, and the table of contents agrees with the disk.
import { existsSync, lstatSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { TsbuildError } from '../../../src/core/errors.ts';
import { LowerStack } from '../../../src/executor/layer/lower-stack.ts';
import { MergedTree } from '../../../src/executor/layer/merged-tree.ts';
import { applyLayer } from '../../../src/executor/layer/unpack/apply.ts';
import { loadFileCalls } from '../../../src/executor/syscalls.ts';
import { isRoot, removeTree, rootOnly } from '../../support/layer-trees.ts';
import { chunked, paxMember, paxRecord, rawMember, rawTar } from './raw-tar.ts';

const calls = loadFileCalls();
const file = (name: string, content = 'evil') => rawMember({ name, content });
const symlink = (name: string, link: string) => rawMember({ name, type: '2', link });
const hardLink = (name: string, link: string) => rawMember({ name, type: '1', link });
const dir = (name: string) => rawMember({ name: `${name}/`, type: '5', mode: 0o755 });

let root: string;
let outside: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'evil-layer-'));
  outside = join(root, 'outside');
  mkdirSync(outside);
  writeFileSync(join(outside, 'secret'), 'secret');
  mkdirSync(join(root, 'snapshots/lower'), { recursive: true });
});
afterEach(() => removeTree(root));

/** [name, members given the absolute path of the directory outside] */
const CORPUS: readonly [string, (out: string) => Buffer[]][] = [
  ['a name with ..', () => [file('../outside/secret'), file('../../outside/secret'), file('a/../../outside/secret')]],
  ['an absolute name', (out) => [file(`${out}/secret`)]],
  ['.. in a PAX path', () => [paxMember(paxRecord('path', '../outside/secret')), file('x')]],
  ['.. behind a NUL in the name field', () => [rawMember({ name: 'ok\0/../../outside/secret', content: 'evil' })]],
  ['a symlink, then a file through it', (out) => [symlink('l', out), file('l/secret')]],
  ['a relative symlink, then a file through it', () => [symlink('l', '../../outside'), file('l/secret')]],
  ['a chain of symlinks', () => [symlink('a', 'b/../..'), symlink('b', '/../..'), file('a/outside/secret'), file('b/outside/secret')]],
  ['a symlink named like the file', (out) => [symlink('secret', `${out}/secret`), file('secret')]],
  ['a hard link to a file outside', (out) => [hardLink('h', `${out}/secret`), file('h')]],
  ['a hard link with ..', () => [hardLink('h', '../../outside/secret'), file('h')]],
  ['a hard link to a symlink, then a file over it', (out) => [symlink('l', `${out}/secret`), hardLink('h', 'l'), file('h')]],
  ['a hard link through a symlink', (out) => [symlink('l', out), hardLink('h', 'l/secret'), file('h')]],
  ['a directory replaced by a symlink', (out) => [dir('d'), file('d/x'), symlink('d', out), file('d/secret')]],
  ['a directory replaced by a hard link to a symlink', (out) => [dir('d'), symlink('l', out), hardLink('d', 'l'), file('d/secret')]],
  ['a symlink replaced by a directory entry', (out) => [symlink('d', out), dir('d'), file('d/secret')]],
  ['a whiteout through a symlink', (out) => [symlink('l', out), rawMember({ name: 'l/.wh.secret' })]],
  ['an opaque marker through a symlink', (out) => [symlink('l', out), rawMember({ name: 'l/.wh..wh..opq' })]],
  ['a whiteout of ..', () => [rawMember({ name: 'a/.wh...' })]],
  ['a whiteout with ..', () => [rawMember({ name: '../../outside/.wh.secret' })]],
  ['a device through a symlink', (out) => [symlink('l', out), rawMember({ name: 'l/null', type: '3', devMajor: 1, devMinor: 3 })]],
  [
    'attributes that overlayfs would follow',
    () => [paxMember(paxRecord('SCHILY.xattr.trusted.overlay.redirect', '/../../outside')), dir('d')],
  ],
  ['a symlink loop', () => [symlink('a', 'b'), symlink('b', 'a'), file('a/x')]],
  ['the root as a symlink', (out) => [symlink('.', out), file('secret')]],
  ['the root as a file', () => [file('.'), file('/'), file('secret')]],
  ['very long symlink chains', () => [...Array.from({ length: 60 }, (_, i) => symlink(`l${i}`, `l${i + 1}`)), file('l0/x')]],
  ['a giant PAX header', () => [rawMember({ name: 'x', type: 'x', size: 2 ** 32 })]],
  ['a file larger than the archive', () => [rawMember({ name: 'x', size: 2 ** 32, content: 'y' })]],
  ['a path of 100 directories', () => [paxMember(paxRecord('path', `${'a/'.repeat(100)}f`)), file('x')]],
];

describe.skipIf(!isRoot)(`evil layers${rootOnly}`, () => {
  test.each(CORPUS)('%s', async (_, members) => {
    const target = join(root, 'snapshots/target');
    const lower = new LowerStack([join(root, 'snapshots/lower')], calls, 'trusted');
    try {
      const { toc } = await applyLayer(chunked(rawTar(...members(outside)), 999), target, { lower, calls, xattrs: 'trusted' });
      const tree = new MergedTree([toc], [target]);
      compareWithDisk(tree, target, '');
    } catch (error) {
      expect(error).toBeInstanceOf(TsbuildError);
      expect(existsSync(target)).toBe(false);
    }
    expect(readdirSync(outside)).toEqual(['secret']);
    expect(readFileSync(join(outside, 'secret'), 'utf8')).toBe('secret');
    expect(lstatSync(join(outside, 'secret'))).toMatchObject({ nlink: 1, uid: 0, gid: 0 });
    expect(readdirSync(root).sort()).toEqual(['outside', 'snapshots']);
    expect(readdirSync(join(root, 'snapshots/lower'))).toEqual([]);
  });

  test('a hard link cannot reach through a symlink of a lower layer', async () => {
    const lowerDir = join(root, 'snapshots/lower');
    symlinkSync(outside, join(lowerDir, 'l'));
    const target = join(root, 'snapshots/target');
    const lower = new LowerStack([lowerDir], calls, 'trusted');
    await expect(applyLayer(chunked(rawTar(hardLink('h', 'l/secret'))), target, { lower, calls, xattrs: 'trusted' })).rejects.toEqual(
      expect.objectContaining({ code: 'exec/layer-unpack' }),
    );
    expect(lstatSync(join(outside, 'secret')).nlink).toBe(1);
  });

  test('a lower symlink in the way of an implied directory is replaced, not followed', async () => {
    const lowerDir = join(root, 'snapshots/lower');
    symlinkSync(outside, join(lowerDir, 'l'));
    const target = join(root, 'snapshots/target');
    const lower = new LowerStack([lowerDir], calls, 'trusted');
    await applyLayer(chunked(rawTar(file('l/secret'))), target, { lower, calls, xattrs: 'trusted' });
    expect(readFileSync(join(target, 'l/secret'), 'utf8')).toBe('evil');
    expect(readFileSync(join(outside, 'secret'), 'utf8')).toBe('secret');
  });
});

/** Every name of the merged tree is on disk, of the same kind, and nothing else is. */
function compareWithDisk(tree: MergedTree, root: string, path: string): void {
  const names = readdirSync(join(root, path)).filter(
    (name) => lstatSync(join(root, path, name)).rdev !== 0 || !lstatSync(join(root, path, name)).isCharacterDevice(),
  );
  expect(tree.readdir(path)).toEqual(names.sort());
  for (const name of names) {
    const child = path === '' ? name : `${path}/${name}`;
    const stats = lstatSync(join(root, child));
    const type = tree.lstat(child)?.type;
    expect(type).toBe(stats.isDirectory() ? 'dir' : stats.isSymbolicLink() ? 'symlink' : stats.isCharacterDevice() ? 'char' : 'file');
    if (stats.isFile()) expect(lstatSync(tree.hostPath(child)).size).toBe(tree.lstat(child)?.size);
    if (stats.isDirectory()) compareWithDisk(tree, root, child);
  }
}
