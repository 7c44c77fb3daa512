// Archives given to ADD are hostile: whatever their entries are called and link to, nothing lands
// outside the destination, and every failure has a code.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { TsbuildError } from '../../../src/core/errors.ts';
import { planCopy } from '../../../src/executor/copy/plan-copy.ts';
import { runCopy } from '../../../src/executor/copy/run-copy.ts';
import type { LayerResult } from '../../../src/executor/executor.ts';
import type { LayerSink } from '../../../src/executor/layer/layer-sink.ts';
import { parseTreeLine, type TreeLine } from './case-file.ts';
import { LineTree, opOf } from './plan-case.ts';
import { tarOf } from './tar-of.ts';

let dir = '';
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'hostile-'));
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

const base = [
  'd 755 0:0 1 etc',
  'f 644 0:0 1 etc/passwd = "root"',
  'd 755 0:0 1 d',
  'd 755 0:0 1 d/in',
  'l 777 0:0 1 d/abs -> /etc',
  'l 777 0:0 1 d/up -> ../../../etc',
  'l 777 0:0 1 d/file -> /etc/passwd',
];

/** Paths of the layer that `ADD t.tar /d` makes. */
async function add(bytes: Uint8Array, between: () => void = () => {}): Promise<string[]> {
  const host = join(dir, 't.tar');
  writeFileSync(host, bytes);
  const plan = await planCopy({
    op: { ...opOf('ADD t.tar /d'), sources: [{ type: 'remote', input: 1 }], unpack: 'always' },
    base: new LineTree(dir).add(base.map(parseTreeLine)),
    sources: { 1: { type: 'file', name: 't.tar', hostPath: host, mode: 0o600, size: bytes.length, mtime: 0 } },
    time: 2,
    identity: () => null,
  });
  between();
  const paths: string[] = [];
  const sink: LayerSink = {
    add: async (entry, content) => {
      paths.push(entry.path);
      if (content !== undefined && typeof content !== 'string' && !(content instanceof Uint8Array)) for await (const _ of content);
    },
    finish: () => Promise.resolve({} as LayerResult),
    abort: () => Promise.resolve(),
  };
  await runCopy(plan, sink);
  return paths;
}

const inside = (paths: readonly string[]): boolean => paths.every((path) => path === 'd' || path.startsWith('d/'));
const lines = (...texts: string[]): TreeLine[] => texts.map(parseTreeLine);

describe('ADD of a hostile archive', () => {
  it.each([
    ['dot-dot names', ['f 644 0:0 1 ../../x', 'f 644 0:0 1 a/../../../y'], ['d', 'd/x', 'd/y']],
    ['absolute names', ['f 644 0:0 1 /etc/passwd'], ['d', 'd/etc', 'd/etc/passwd']],
    ['a link, then a file through it', ['l 777 0:0 1 l -> /etc', 'f 644 0:0 1 l/passwd'], ['d', 'd/etc', 'd/etc/passwd', 'd/l']],
    [
      'a climbing link, then a file through it',
      ['l 777 0:0 1 l -> ../../etc', 'f 644 0:0 1 l/passwd'],
      ['d', 'd/etc', 'd/etc/passwd', 'd/l'],
    ],
    ['links of the base', ['f 644 0:0 1 abs/x', 'f 644 0:0 1 up/y'], ['d', 'd/etc', 'd/etc/x', 'd/etc/y']],
    ['a file over a link of the base', ['f 644 0:0 1 file = "x"'], ['d', 'd/file']],
    [
      'a directory that becomes a link',
      ['d 755 0:0 1 in', 'l 777 0:0 1 in -> /etc', 'f 644 0:0 1 in/x'],
      ['d', 'd/etc', 'd/etc/x', 'd/in'],
    ],
    ['a chain of links', ['l 777 0:0 1 a -> b', 'l 777 0:0 1 b -> ../..', 'f 644 0:0 1 a/etc/x'], ['d', 'd/a', 'd/b', 'd/etc', 'd/etc/x']],
  ])('%s', async (_, entries, expected) => {
    expect((await add(await tarOf(lines(...entries)))).toSorted()).toEqual(expected);
  });

  it.each([
    ['hard link to a file above', ['h 644 0:0 1 h -> ../etc/passwd']],
    ['hard link through a link', ['l 777 0:0 1 l -> /etc', 'h 644 0:0 1 h -> l/passwd']],
    ['hard link through a link of the base', ['h 644 0:0 1 h -> up/passwd']],
    ['hard link to nothing', ['h 644 0:0 1 h -> x']],
    ['a link too long for a file system', [`l 777 0:0 1 l -> ${'n/'.repeat(3000)}x`]],
    ['a name too long for a file system', [`f 644 0:0 1 ${'n/'.repeat(3000)}x`]],
  ])('refuses a %s', async (_, entries) => {
    await expect(add(await tarOf(lines(...entries)))).rejects.toMatchObject({ code: 'exec/copy-archive-entry' });
  });

  it.each([
    ['a volume label', 'V'],
    ['a sparse file of the old form', 'S'],
    ['a contiguous file', '7'],
  ])('refuses %s even as the first entry, as Docker does', async (_, type) => {
    const tar = await tarOf(lines('f 644 0:0 1 a = "1"'));
    tar.write(type, 156);
    tar.write('        ', 148);
    const sum = tar.subarray(0, 512).reduce((total, byte) => total + byte, 0);
    tar.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148);
    await expect(add(tar)).rejects.toMatchObject({ code: 'exec/copy-archive-entry' });
  });

  it('does not look at what follows the end of the archive', async () => {
    const tar = await tarOf(lines('f 644 0:0 1 a = "1"'));
    expect(await add(Buffer.concat([zstdCompressSync(tar), Buffer.from('junk')]))).toEqual(['d', 'd/a']);
    expect(await add(Buffer.concat([tar, Buffer.from('junk')]))).toEqual(['d', 'd/a']);
  });

  it('never leaves the destination, and fails only with a code', async () => {
    const part = fc.constantFrom('a', 'b', '..', '.', 'in', 'abs', 'up', 'file', 'etc', 'passwd');
    const name = fc
      .tuple(fc.constantFrom('', '/', './', '../'), fc.array(part, { minLength: 1, maxLength: 4 }))
      .map(([head, parts]) => head + parts.join('/'));
    const entry = fc.tuple(fc.constantFrom('f', 'd', 'l', 'h'), name, name).map(([type, path, link]): TreeLine => {
      const common = { path, mode: 0o644, uid: 0, gid: 0, size: 0, mtime: 1, now: false };
      if (type === 'f') return { ...common, type: 'file', content: 'x', size: 1 };
      if (type === 'd') return { ...common, type: 'dir' };
      return { ...common, type: type === 'l' ? 'symlink' : 'hardlink', link };
    });
    await fc.assert(
      fc.asyncProperty(fc.array(entry, { minLength: 1, maxLength: 6 }), async (entries) => {
        try {
          expect(inside(await add(await tarOf(entries)))).toBe(true);
        } catch (error) {
          expect(error).toBeInstanceOf(TsbuildError);
        }
      }),
      { numRuns: 300 },
    );
  });

  it('refuses damage behind the first entry, copies a file whose first entry is unreadable', async () => {
    const tar = await tarOf([
      ...lines('f 644 0:0 1 a = "1"'),
      { ...parseTreeLine('f 644 0:0 1 b'), content: 'x'.repeat(200_000), size: 200_000 },
    ]);
    await expect(add(tar.subarray(0, 3000))).rejects.toMatchObject({ code: 'exec/copy-archive' });
    const random = Buffer.from(Array.from({ length: 200_000 }, (_, index) => (index * 7919 + (index >> 3) * 104_729) & 0xff));
    const packed = gzipSync(
      await tarOf([
        ...lines('f 644 0:0 1 a = "1"'),
        { ...parseTreeLine('f 644 0:0 1 b'), content: random.toString('latin1'), size: random.length },
      ]),
    );
    await expect(add(packed.subarray(0, packed.length >> 1))).rejects.toMatchObject({ code: 'exec/copy-archive' });
    expect(await add(packed.subarray(0, 20))).toEqual(['d', 'd/t.tar']);
  });

  it('refuses an archive that changes between planning and writing', async () => {
    const tar = await tarOf(lines('f 644 0:0 1 a = "1"'));
    const other = await tarOf(lines('f 644 0:0 1 a = "22"'));
    await expect(add(tar, () => writeFileSync(join(dir, 't.tar'), other))).rejects.toMatchObject({ code: 'exec/copy-archive' });
  });

  it('names a decompressor that is missing', async () => {
    const path = process.env['PATH'];
    process.env['PATH'] = dir;
    try {
      const xz = Buffer.from([0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00, 0x00, 0x04]);
      await expect(add(xz)).rejects.toMatchObject({ code: 'exec/copy-decompressor', message: expect.stringContaining('"xz"') });
    } finally {
      process.env['PATH'] = path;
    }
  });
});
