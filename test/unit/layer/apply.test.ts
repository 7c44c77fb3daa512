import { existsSync, lstatSync, mkdirSync, readdirSync, readFileSync, readlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type DiffId, parseDiffId, sha256Hex } from '../../../src/core/digest.ts';
import { LowerStack } from '../../../src/executor/layer/lower-stack.ts';
import { MergedTree } from '../../../src/executor/layer/merged-tree.ts';
import { type ApplyOptions, type ApplyResult, applyLayer } from '../../../src/executor/layer/unpack/apply.ts';
import { loadFileCalls } from '../../../src/executor/syscalls.ts';
import { isRoot, removeTree, rootOnly, temporaryDirectory } from '../../support/layer-trees.ts';
import { chunked, paxMember, paxRecord, rawMember, rawTar } from './raw-tar.ts';

const calls = loadFileCalls();
const failsWith = (code: string) => expect.objectContaining({ name: 'TsbuildError', code });
const dir = (name: string, more = {}) => rawMember({ name: `${name}/`, type: '5', mode: 0o755, ...more });

let root: string;
let stack: string[];
beforeEach(() => {
  root = temporaryDirectory();
  stack = [];
});
afterEach(() => removeTree(root));

/** Unpacks a layer on top of the ones before it. */
async function apply(members: Buffer[], options: Partial<ApplyOptions> = {}): Promise<ApplyResult & { readonly at: string }> {
  const at = join(root, `layer-${stack.length}`);
  const lower = new LowerStack(stack, calls, 'trusted');
  const result = await applyLayer(chunked(gzipSync(rawTar(...members)), 700), at, { lower, calls, xattrs: 'trusted', ...options });
  stack.push(at);
  return { ...result, at };
}

const modeOf = (path: string): string => (lstatSync(path).mode & 0o7777).toString(8);

describe.skipIf(!isRoot)(`unpacking a layer${rootOnly}`, () => {
  test('gives files with their metadata, directories last', async () => {
    const { at, toc, diffId } = await apply([
      dir('srv', { mode: 0o555, mtime: 1_000_000_000, uid: 7, gid: 8 }),
      rawMember({ name: 'srv/run', content: 'data', mode: 0o4711, uid: 33, gid: 34, mtime: 1_100_000_000 }),
      rawMember({ name: 'srv/l', type: '2', link: '/abs', mtime: 1_200_000_000, uid: 5 }),
      rawMember({ name: 'srv/h', type: '1', link: 'srv/run' }),
      rawMember({ name: 'srv/p', type: '6', mode: 0o600 }),
      rawMember({ name: 'srv/null', type: '3', devMajor: 1, devMinor: 3, mode: 0o666 }),
    ]);
    expect(modeOf(join(at, 'srv'))).toBe('555');
    expect(lstatSync(join(at, 'srv'))).toMatchObject({ uid: 7, gid: 8, mtimeMs: 1_000_000_000_000 });
    expect(modeOf(join(at, 'srv/run'))).toBe('4711');
    expect(lstatSync(join(at, 'srv/run'))).toMatchObject({ uid: 33, gid: 34, mtimeMs: 1_100_000_000_000, nlink: 2, size: 4 });
    expect(readlinkSync(join(at, 'srv/l'))).toBe('/abs');
    expect(lstatSync(join(at, 'srv/l'))).toMatchObject({ uid: 5, mtimeMs: 1_200_000_000_000 });
    expect(lstatSync(join(at, 'srv/h')).ino).toBe(lstatSync(join(at, 'srv/run')).ino);
    expect(lstatSync(join(at, 'srv/p')).isFIFO()).toBe(true);
    expect(lstatSync(join(at, 'srv/null'))).toMatchObject({ rdev: 0x103 });
    expect(toc.entries).toHaveLength(6);
    expect(diffId).toMatch(/^sha256:/);
  });

  test('writes whiteouts and opaque directories as overlayfs reads them, but only where they hide something', async () => {
    await apply([dir('d'), rawMember({ name: 'd/x' }), dir('e'), rawMember({ name: 'e/y' }), rawMember({ name: 'f' })]);
    const { at } = await apply([
      rawMember({ name: 'd/.wh.x' }),
      rawMember({ name: 'd/.wh.nothing' }),
      rawMember({ name: 'e/.wh..wh..opq' }),
      rawMember({ name: 'new/.wh..wh..opq' }),
    ]);
    expect(lstatSync(join(at, 'd/x'))).toMatchObject({ rdev: 0 });
    expect(lstatSync(join(at, 'd/x')).isCharacterDevice()).toBe(true);
    expect(readdirSync(join(at, 'd'))).toEqual(['x']);
    expect(calls.getXattr(join(at, 'e'), 'trusted.overlay.opaque')).toBe('y');
    expect(calls.getXattr(join(at, 'new'), 'trusted.overlay.opaque')).toBeNull();
  });

  test('keeps a lower directory hidden when the same layer deletes and makes it, in either order', async () => {
    await apply([dir('a'), rawMember({ name: 'a/old' }), dir('b'), rawMember({ name: 'b/old' }), dir('c'), rawMember({ name: 'c/old' })]);
    const { at, toc } = await apply([
      rawMember({ name: '.wh.a' }),
      dir('a'),
      dir('b'),
      rawMember({ name: '.wh.b' }),
      rawMember({ name: '.wh.c' }),
      rawMember({ name: 'c/new' }),
    ]);
    for (const name of ['a', 'b', 'c']) expect(calls.getXattr(join(at, name), 'trusted.overlay.opaque')).toBe('y');
    expect(new MergedTree([toc]).readdir('c')).toEqual(['new']);
  });

  test('marks opaque directories for the user namespace when asked', async () => {
    await apply([dir('e')]);
    const { at } = await apply([rawMember({ name: 'e/.wh..wh..opq' })], { xattrs: 'user' });
    expect(calls.getXattr(join(at, 'e'), 'user.overlay.opaque')).toBe('y');
  });

  test('gives implied directories the metadata of the tree below', async () => {
    await apply([dir('a', { mode: 0o750, uid: 9, gid: 9, mtime: 1_000_000_000 })]);
    const { at } = await apply([rawMember({ name: 'a/b/c' })]);
    expect(modeOf(join(at, 'a'))).toBe('750');
    expect(lstatSync(join(at, 'a'))).toMatchObject({ uid: 9, gid: 9, mtimeMs: 1_000_000_000_000 });
    expect(modeOf(join(at, 'a/b'))).toBe('755');
  });

  test('copies the target of a hard link up from a lower layer', async () => {
    await apply([dir('a'), rawMember({ name: 'a/f', content: 'below', mode: 0o640, uid: 3, mtime: 1_000_000_000 })]);
    const { at } = await apply([rawMember({ name: 'b', type: '1', link: 'a/f' })]);
    expect(readFileSync(join(at, 'b'), 'utf8')).toBe('below');
    expect(lstatSync(join(at, 'b'))).toMatchObject({ uid: 3, nlink: 2, mtimeMs: 1_000_000_000_000 });
    expect(lstatSync(join(at, 'a/f')).ino).toBe(lstatSync(join(at, 'b')).ino);
  });

  test('sets file capabilities and user attributes, and nothing that overlayfs would read', async () => {
    const capability = Buffer.from('0100000200040000000000000000000000000000', 'hex');
    const { at } = await apply([
      paxMember(
        paxRecord('SCHILY.xattr.security.capability', capability),
        paxRecord('SCHILY.xattr.user.note', 'hi'),
        paxRecord('SCHILY.xattr.user.overlay.redirect', '/etc'),
        paxRecord('SCHILY.xattr.trusted.overlay.opaque', 'y'),
        paxRecord('SCHILY.xattr.user.tsbuild.owner', '1:1'),
      ),
      rawMember({ name: 'ping', content: 'x', uid: 5, mode: 0o755 }),
    ]);
    expect([...calls.listXattrs(join(at, 'ping'))].sort()).toEqual(['security.capability', 'user.note']);
    expect(calls.getXattr(join(at, 'ping'), 'security.capability')).toBe(capability.toString('latin1'));
  });

  test('lets the last entry of a name win', async () => {
    const { at, toc } = await apply([
      dir('a'),
      rawMember({ name: 'a/x', content: 'gone' }),
      rawMember({ name: 'a', content: 'file' }),
      rawMember({ name: 'b', content: '1' }),
      rawMember({ name: 'b', content: '22' }),
      rawMember({ name: 'c' }),
      dir('c'),
    ]);
    expect(readFileSync(join(at, 'a'), 'utf8')).toBe('file');
    expect(readFileSync(join(at, 'b'), 'utf8')).toBe('22');
    expect(lstatSync(join(at, 'c')).isDirectory()).toBe(true);
    const tree = new MergedTree([toc]);
    expect([tree.lstat('a')?.type, tree.lstat('a/x'), tree.lstat('b')?.size, tree.lstat('c')?.type]).toEqual(['file', null, 2, 'dir']);
  });

  test('nothing of a replaced directory comes back with a new one of its name', async () => {
    await apply([dir('d'), dir('d/e'), rawMember({ name: 'd/e/low' })]);
    const { at, toc } = await apply([
      dir('d'),
      rawMember({ name: 'd/e/f', content: 'old' }),
      rawMember({ name: 'd/e/.wh.low' }),
      rawMember({ name: 'd/e/.wh..wh..opq' }),
      rawMember({ name: 'd', content: 'a file now' }),
      dir('d'),
      dir('d/e'),
      rawMember({ name: 'd/e/g' }),
    ]);
    expect(readdirSync(at, { recursive: true }).sort()).toEqual(['d', 'd/e', 'd/e/g']);
    expect(calls.getXattr(join(at, 'd/e'), 'trusted.overlay.opaque')).toBeNull();
    expect(toc.entries).toHaveLength(8);
    await expect(
      apply([dir('d'), rawMember({ name: 'd/f' }), rawMember({ name: 'd' }), rawMember({ name: 'h', type: '1', link: 'd/f' })]),
    ).rejects.toMatchObject({
      code: 'exec/layer-unpack',
    });
  });

  test('keeps names that are not UTF-8', async () => {
    const { at } = await apply([
      rawMember({ name: Buffer.from([0x61, 0xff]), content: 'x' }),
      rawMember({ name: 'l', type: '2', link: 'ü' }),
    ]);
    expect(readdirSync(at, { encoding: 'buffer' }).map((name) => name.toString('latin1'))).toContain('a\xff');
  });

  test('counts what it takes on disk', async () => {
    expect((await apply([dir('a'), rawMember({ name: 'a/f', content: 'x'.repeat(5000) })])).size).toBe(4096 + 8192);
  });

  test('leaves the root directory as it is, like Docker', async () => {
    const { at, toc } = await apply([dir('.', { mode: 0o700, uid: 5 }), rawMember({ name: 'f' })]);
    expect(modeOf(at)).toBe('755');
    expect(toc.entries.map(({ path }) => path)).toEqual(['f']);
  });

  test('records owners where they cannot be set', async () => {
    // As root everything can be set; the attribute must not appear then.
    const { at } = await apply([rawMember({ name: 'f', uid: 1234 })], { owners: 'record' });
    expect(lstatSync(join(at, 'f')).uid).toBe(1234);
    expect(calls.getXattr(join(at, 'f'), 'user.tsbuild.owner')).toBeNull();
  });
});

describe.skipIf(!isRoot)(`a layer that fails leaves nothing${rootOnly}`, () => {
  const target = () => join(root, 'broken');
  const unpack = (tar: Buffer, diffId?: DiffId) =>
    applyLayer(chunked(tar), target(), {
      lower: new LowerStack(stack, calls, 'trusted'),
      calls,
      xattrs: 'trusted',
      ...(diffId === undefined ? {} : { diffId }),
    });

  test('another diffID than promised', async () => {
    const tar = rawTar(rawMember({ name: 'f', content: 'x' }));
    await expect(unpack(tar, parseDiffId(`sha256:${'0'.repeat(64)}`))).rejects.toEqual(failsWith('exec/layer-diffid'));
    expect(existsSync(target())).toBe(false);
    expect((await unpack(tar, parseDiffId(`sha256:${sha256Hex(tar)}`))).toc.entries).toHaveLength(1);
  });

  test.each<[string, Buffer, string]>([
    ['cut in a file', rawMember({ name: 'f', content: 'x'.repeat(9000) }).subarray(0, 4000), 'exec/layer-truncated'],
    ['entries below a file', rawTar(rawMember({ name: 'a' }), rawMember({ name: 'a/b' })), 'exec/layer-unpack'],
    ['a hard link to nothing', rawTar(rawMember({ name: 'a', type: '1', link: 'b' })), 'exec/layer-unpack'],
    ['a hard link to itself', rawTar(rawMember({ name: 'a', type: '1', link: 'a' })), 'exec/layer-unpack'],
    ['a hard link to a directory', rawTar(dir('d'), rawMember({ name: 'a', type: '1', link: 'd' })), 'exec/layer-unpack'],
    ['a hard link to what it deleted', rawTar(rawMember({ name: 'a', type: '1', link: '' })), 'exec/layer-unpack'],
    ['a name of 300 bytes', rawTar(paxMember(paxRecord('path', 'n'.repeat(300))), rawMember({ name: 'x' })), 'exec/layer-unpack'],
    [
      'a path of 5000 bytes',
      rawTar(paxMember(paxRecord('path', 'd/'.repeat(2500))), rawMember({ name: 'x', type: '5' })),
      'exec/layer-malformed',
    ],
  ])('%s', async (_, tar, code) => {
    mkdirSync(join(root, 'sentinel'));
    writeFileSync(join(root, 'sentinel/file'), 'untouched');
    await expect(unpack(tar)).rejects.toEqual(failsWith(code));
    expect(existsSync(target())).toBe(false);
    expect(readdirSync(root)).toEqual(['sentinel']);
  });
});
