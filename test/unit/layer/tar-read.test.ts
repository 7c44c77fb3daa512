import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import type { FileEntry } from '../../../src/core/file-entry.ts';
import { readTar, type TarReadOptions } from '../../../src/executor/layer/tar/tar-read.ts';
import { chunked, collect, paxMember, paxRecord, rawMember, rawTar } from './raw-tar.ts';

async function read(bytes: Buffer, options?: TarReadOptions, chunk?: number): Promise<{ entry: FileEntry; content: string }[]> {
  const out: { entry: FileEntry; content: string }[] = [];
  for await (const { entry, content } of readTar(chunked(bytes, chunk), options)) {
    out.push({ entry, content: (await collect(content)).toString('latin1') });
  }
  return out;
}

const entriesOf = async (...members: Buffer[]): Promise<FileEntry[]> => (await read(rawTar(...members))).map(({ entry }) => entry);
const failsWith = (code: string) => expect.objectContaining({ name: 'TsbuildError', code });

describe('headers', () => {
  test('a name is joined to its ustar prefix', async () => {
    expect(await entriesOf(rawMember({ name: 'file', prefix: 'a/b' }))).toMatchObject([{ path: 'a/b/file' }]);
  });

  test('GNU archives have no prefix', async () => {
    expect(await entriesOf(rawMember({ name: 'file', prefix: 'junk', magic: 'ustar  \0' }))).toMatchObject([{ path: 'file' }]);
  });

  test.each([
    ['./a/b', 'a/b'],
    ['/a//b/', 'a/b'],
    ['a/./b/../c', 'a/c'],
    ['../../etc/x', 'etc/x'],
    ['..', ''],
    ['./', ''],
    ['a..b/...', 'a..b/...'],
  ])('the name %j stands for the path %j', async (name, path) => {
    expect(await entriesOf(rawMember({ name }))).toMatchObject([{ path }]);
  });

  test('GNU long names and links come before the header they belong to', async () => {
    const long = 'd/'.repeat(120);
    const [entry, next] = await entriesOf(
      rawMember({ name: '././@LongLink', type: 'L', content: `${long}file\0` }),
      rawMember({ name: '././@LongLink', type: 'K', content: `${long}target\0` }),
      rawMember({ name: 'short', type: '2', link: 'short' }),
      rawMember({ name: 'next' }),
    );
    expect(entry).toMatchObject({ path: `${long}file`, link: `${long}target`, type: 'symlink' });
    expect(next?.path).toBe('next');
  });

  const component = `${'n'.repeat(199)}/`;
  const longest = component.repeat(20) + 'x'.repeat(96);

  test('a name may have as many bytes as Linux allows', async () => {
    expect(await entriesOf(paxMember(paxRecord('path', longest)), rawMember({ name: 'x' }))).toMatchObject([{ path: longest }]);
  });

  test.each([
    ['a PAX name', [paxMember(paxRecord('path', `${longest}x`)), rawMember({ name: 'x' })]],
    ['a PAX link', [paxMember(paxRecord('linkpath', `${longest}x`)), rawMember({ name: 'x', type: '2' })]],
    ['a link to a file', [paxMember(paxRecord('linkpath', `${longest}x`)), rawMember({ name: 'x', type: '1' })]],
    ['a GNU name', [rawMember({ name: '././@LongLink', type: 'L', content: `${longest}x\0` }), rawMember({ name: 'x' })]],
    ['a GNU link', [rawMember({ name: '././@LongLink', type: 'K', content: `${longest}x\0` }), rawMember({ name: 'x', type: '2' })]],
    ['a megabyte of dots', [paxMember(paxRecord('path', './'.repeat(400_000))), rawMember({ name: 'x' })]],
  ])('%s that is longer is refused', async (_, members) => {
    await expect(entriesOf(...members)).rejects.toMatchObject({
      code: 'exec/layer-malformed',
      message: expect.stringMatching(/ has \d+ bytes, more than 4096: "[^"]{1,60}"…$/),
    });
  });

  test.each([
    ['a large number', Buffer.from('8000000000000000ffffffff', 'hex'), 0xffffffff],
    ['a negative number', Buffer.from('ffffffffffffffffffffffff', 'hex'), -1],
  ])('%s in base 256', async (_, bytes, mtime) => {
    expect(await entriesOf(rawMember({ name: 'x', patch: (header) => bytes.copy(header, 136) }))).toMatchObject([{ mtime }]);
  });

  test('PAX records override the header, for one entry only', async () => {
    const [a, b] = await entriesOf(
      paxMember(paxRecord('path', 'long/ü'), paxRecord('uid', '3000000'), paxRecord('mtime', '-1.5'), paxRecord('atime', '5')),
      rawMember({ name: 'x', uid: 1, gid: 2, mtime: 3 }),
      rawMember({ name: 'y', uid: 1 }),
    );
    expect(a).toMatchObject({ path: 'long/ü', uid: 3000000, gid: 2, mtime: -2 });
    expect(b).toMatchObject({ path: 'y', uid: 1 });
  });

  test('PAX size overrides a header that cannot hold it', async () => {
    const [entry] = await read(rawTar(paxMember(paxRecord('size', '5')), rawMember({ name: 'x', size: 0, content: 'hello' })));
    expect(entry).toMatchObject({ entry: { size: 5 }, content: 'hello' });
  });

  test('attributes and names keep their bytes', async () => {
    const [entry] = await entriesOf(
      paxMember(
        paxRecord('SCHILY.xattr.security.capability', Buffer.from([1, 0, 0, 2, 0xff, 10])),
        paxRecord('path', Buffer.from([0x61, 0xff])),
      ),
      rawMember({ name: 'x' }),
    );
    expect(entry).toMatchObject({ path: 'a\udcff', xattrs: { 'security.capability': '\x01\0\0\x02\xff\n' } });
  });

  test('global PAX headers are ignored, as Docker does', async () => {
    const global = rawMember({ name: 'g', type: 'g', content: Buffer.concat([paxRecord('comment', 'abc'), paxRecord('uid', '7')]) });
    expect(await entriesOf(global, rawMember({ name: 'x', uid: 1 }))).toMatchObject([{ path: 'x', uid: 1 }]);
  });

  test('old archives mark a directory by its name', async () => {
    expect(await entriesOf(rawMember({ name: 'd/', type: '\0', magic: '' }))).toMatchObject([{ path: 'd', type: 'dir' }]);
  });

  test('links and directories have no content even if a size is given', async () => {
    expect(await entriesOf(rawMember({ name: 'l', type: '1', link: 'x', size: 100 }), rawMember({ name: 'y' }))).toMatchObject([
      { type: 'hardlink', size: 0 },
      { path: 'y' },
    ]);
  });
});

describe('whiteouts', () => {
  test('are entries of their own kind', async () => {
    const entries = await entriesOf(
      rawMember({ name: 'a/.wh.gone' }),
      rawMember({ name: 'a/.wh..wh..opq' }),
      rawMember({ name: '.wh..wh..opq' }),
      rawMember({ name: '.wh..wh.plnk', type: '5' }),
    );
    expect(entries.map(({ type, path }) => [type, path])).toEqual([
      ['whiteout', 'a/gone'],
      ['opaque', 'a'],
      ['opaque', ''],
    ]);
  });

  test('are ordinary files in archives that are no layers', async () => {
    const [entry] = await read(rawTar(rawMember({ name: '.wh.x' })), { kind: 'archive' });
    expect(entry?.entry).toMatchObject({ path: '.wh.x', type: 'file' });
  });

  test.each(['.wh.', 'a/.wh...', 'a/.wh..'])('%s hides no name', async (name) => {
    await expect(read(rawTar(rawMember({ name })))).rejects.toEqual(failsWith('exec/layer-malformed'));
  });
});

describe('content', () => {
  test.each([1, 7, 511, 512, 513, 4096])('arrives whole from chunks of %i bytes', async (chunk) => {
    const bytes = rawTar(
      rawMember({ name: 'a', content: 'x'.repeat(1000) }),
      rawMember({ name: 'b' }),
      rawMember({ name: 'c', content: 'y'.repeat(512) }),
    );
    expect((await read(bytes, {}, chunk)).map(({ content }) => content)).toEqual(['x'.repeat(1000), '', 'y'.repeat(512)]);
  });

  test('that nobody reads is skipped', async () => {
    const names: string[] = [];
    for await (const { entry } of readTar(
      chunked(rawTar(rawMember({ name: 'a', content: 'x'.repeat(9999) }), rawMember({ name: 'b' })), 100),
    )) {
      names.push(entry.path);
    }
    expect(names).toEqual(['a', 'b']);
  });

  test('is not gathered: chunks are views of what came in', async () => {
    const bytes = rawTar(rawMember({ name: 'a', content: Buffer.alloc(1_000_000) }));
    for await (const { content } of readTar(chunked(bytes, 65_536))) {
      for await (const chunk of content) expect(chunk.buffer).toBe(bytes.buffer);
    }
  });

  test('the source is read to its end, so that hashes below see every byte', async () => {
    let seen = 0;
    const bytes = Buffer.concat([rawTar(rawMember({ name: 'a' })), Buffer.alloc(20_000)]);
    async function* counted(): AsyncGenerator<Uint8Array> {
      for await (const chunk of chunked(bytes, 1000)) {
        seen += chunk.length;
        yield chunk;
      }
    }
    for await (const _ of readTar(counted()));
    expect(seen).toBe(bytes.length);
  });
});

test('ids that are no 32-bit numbers become what chown makes of them', async () => {
  const minus256 = rawMember({ name: 'x', patch: (h) => Buffer.from('ffffffffffffff00', 'hex').copy(h, 108) });
  const large = [paxMember(paxRecord('uid', '4294967301')), rawMember({ name: 'y' })];
  expect(await entriesOf(minus256, ...large)).toMatchObject([{ uid: 4_294_967_040 }, { uid: 5 }]);
});

describe('sparse files', () => {
  test.each(['sparse-gnu', 'sparse-pax-0.0', 'sparse-pax-0.1', 'sparse-pax-1.0'])('%s expands to the whole file', async (name) => {
    const bytes = gunzipSync(readFileSync(new URL(`../../../fixtures/layer/${name}/layer.tar.gz`, import.meta.url)));
    const [holes, many] = await read(bytes, {}, 1000);
    expect(holes?.entry).toMatchObject({ path: 'holes.bin', type: 'file', size: 1_000_000 });
    const expected = Buffer.alloc(1_000_000);
    expected.write('hello', 4096 * 10);
    expected.write('world'.repeat(1000), 4096 * 100);
    expect(Buffer.from(holes?.content ?? '', 'latin1').equals(expected)).toBe(true);
    expect(many?.entry.size).toBe(400_000);
    expect(many?.content.slice(39 * 8192, 39 * 8192 + 4)).toBe('0039');
  });

  test('pieces of the oldest PAX form out of order are refused', async () => {
    const bytes = rawTar(paxMember(paxRecord('GNU.sparse.numbytes', '1'), paxRecord('GNU.sparse.offset', '0')), rawMember({ name: 'x' }));
    await expect(read(bytes)).rejects.toEqual(failsWith('exec/layer-malformed'));
  });

  test('records of a version that does not exist mean nothing', async () => {
    const records = [paxRecord('GNU.sparse.major', '2'), paxRecord('GNU.sparse.minor', '0'), paxRecord('GNU.sparse.name', 'other')];
    expect(await entriesOf(paxMember(...records), rawMember({ name: 'x', content: 'ab' }))).toMatchObject([{ path: 'x', size: 2 }]);
  });

  test.each([
    ['overlapping pieces', '10,5,12,5'],
    ['a piece beyond the end', '90,20'],
    ['half a piece', '1,2,3'],
    ['no numbers', 'a,b'],
    ['a negative length', '5,-1'],
  ])('%s are refused', async (_, map) => {
    const bytes = rawTar(
      paxMember(paxRecord('GNU.sparse.map', map), paxRecord('GNU.sparse.size', '100')),
      rawMember({ name: 'x', content: 'abcde' }),
    );
    await expect(read(bytes)).rejects.toEqual(failsWith('exec/layer-malformed'));
  });

  test('a hole of an exabyte is refused, not written', async () => {
    const bytes = rawTar(
      paxMember(paxRecord('GNU.sparse.map', '0,1'), paxRecord('GNU.sparse.size', '1000000000000000')),
      rawMember({ name: 'x', content: 'a' }),
    );
    await expect(read(bytes)).rejects.toThrow(/expand to more than/);
  });
});

describe('what is not a layer is refused with a code', () => {
  const pax = (body: string): Buffer => rawTar(rawMember({ name: 'p', type: 'x', content: body }), rawMember({ name: 'x' }));
  test.each<[string, Buffer, string]>([
    ['a wrong checksum', rawTar(rawMember({ name: 'x', checksum: 1 })), 'exec/layer-malformed'],
    ['text', Buffer.from('hello world, this is no archive'.repeat(40)), 'exec/layer-malformed'],
    ['half a header', rawMember({ name: 'x' }).subarray(0, 100), 'exec/layer-truncated'],
    ['half a file', rawMember({ name: 'x', content: 'y'.repeat(5000) }).subarray(0, 3000), 'exec/layer-truncated'],
    ['half a PAX header', rawMember({ name: 'x', type: 'x', content: 'y'.repeat(5000) }).subarray(0, 3000), 'exec/layer-truncated'],
    ['a PAX header of nothing', rawMember({ name: 'x', type: 'x', content: paxRecord('path', 'y') }), 'exec/layer-truncated'],
    ['entries after the end', Buffer.concat([Buffer.alloc(512), rawMember({ name: 'x' })]), 'exec/layer-malformed'],
    ['an unknown type', rawTar(rawMember({ name: 'x', type: 'Q' })), 'exec/layer-entry-kind'],
    ['a number that is none', rawTar(rawMember({ name: 'x', patch: (h) => h.write('zzzzzzz', 108) })), 'exec/layer-malformed'],
    [
      'a size beyond 2^53',
      rawTar(rawMember({ name: 'x', patch: (h) => Buffer.from('80ffffffffffffffffffffff', 'hex').copy(h, 124) })),
      'exec/layer-malformed',
    ],
    [
      'a negative size',
      rawTar(rawMember({ name: 'x', patch: (h) => Buffer.from('ffffffffffffffffffffff00', 'hex').copy(h, 124) })),
      'exec/layer-malformed',
    ],
    ['a giant PAX header', rawTar(rawMember({ name: 'x', type: 'x', size: 2 ** 31 })), 'exec/layer-malformed'],
    ['a giant GNU name', rawTar(rawMember({ name: 'x', type: 'L', size: 2 ** 31 })), 'exec/layer-malformed'],
    ['endless headers', rawTar(...Array.from({ length: 40 }, () => paxMember(paxRecord('a', 'b')))), 'exec/layer-malformed'],
    ['a NUL in a PAX path', pax(paxRecord('path', 'a\0b').toString()), 'exec/layer-malformed'],
    ['a NUL in a PAX link', pax(paxRecord('linkpath', 'a\0b').toString()), 'exec/layer-malformed'],
    ['a PAX record that is too short', pax('3 a=b\n'), 'exec/layer-malformed'],
    ['a PAX record that is too long', pax('300 a=b\n'), 'exec/layer-malformed'],
    ['a PAX record without =', pax('6 abc\n'), 'exec/layer-malformed'],
    ['a PAX time that is none', pax(paxRecord('mtime', 'now').toString()), 'exec/layer-malformed'],
  ])('%s', async (_, bytes, code) => {
    await expect(read(bytes)).rejects.toEqual(failsWith(code));
    await expect(read(bytes, {}, 333)).rejects.toEqual(failsWith(code));
  });

  test('more entries than allowed', async () => {
    const bytes = rawTar(...Array.from({ length: 11 }, (_, i) => rawMember({ name: `f${i}` })));
    await expect(read(bytes, { limits: { maxEntries: 10 } })).rejects.toThrow(/more than 10 entries/);
  });

  test('an archive may end without its end marker', async () => {
    expect(await read(rawMember({ name: 'x' }))).toHaveLength(1);
    expect(await read(Buffer.alloc(0))).toHaveLength(0);
  });

  test('a consumer that stops early closes the source', async () => {
    let closed = false;
    async function* source(): AsyncGenerator<Uint8Array> {
      try {
        for (;;) yield rawMember({ name: 'x' });
      } finally {
        closed = true;
      }
    }
    for await (const _ of readTar(source())) break;
    expect(closed).toBe(true);
  });
});
