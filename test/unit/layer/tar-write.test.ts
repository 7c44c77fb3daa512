import { Readable } from 'node:stream';
import { extract } from 'tar-stream';
import { describe, expect, test } from 'vitest';
import type { FileEntry } from '../../../src/core/file-entry.ts';
import { END_OF_TAR, encodeHeader } from '../../../src/executor/layer/tar/tar-write.ts';

const file = (path: string, more: Partial<FileEntry> = {}): FileEntry => ({
  path,
  type: 'file',
  mode: 0o644,
  uid: 0,
  gid: 0,
  size: 0,
  mtime: 1_700_000_000,
  ...more,
});

/** What an independent reader makes of one header. */
async function readBack(entry: FileEntry) {
  const parser = extract();
  const headers: { name: string; linkname?: string | null; pax?: Record<string, string> | null; [key: string]: unknown }[] = [];
  parser.on('entry', (header, stream, next) => {
    headers.push(header as never);
    stream.resume();
    stream.on('end', next);
  });
  const done = new Promise((resolve, reject) => parser.on('finish', () => resolve(null)).on('error', reject));
  Readable.from([Buffer.concat([encodeHeader(entry), END_OF_TAR])]).pipe(parser);
  await done;
  return headers[0];
}

describe('plain ustar, when everything fits', () => {
  test.each<[string, FileEntry, Record<string, unknown>]>([
    ['a file', file('etc/hosts', { uid: 33, gid: 44, mode: 0o4755 }), { name: 'etc/hosts', type: 'file', uid: 33, gid: 44, mode: 0o4755 }],
    ['a directory ends in a slash', file('srv/www', { type: 'dir', mode: 0o1777 }), { name: 'srv/www/', type: 'directory', mode: 0o1777 }],
    ['a symlink', file('bin', { type: 'symlink', link: 'usr/bin' }), { type: 'symlink', linkname: 'usr/bin' }],
    ['a hard link has no content', file('b', { type: 'hardlink', link: 'a', size: 9 }), { type: 'link', linkname: 'a', size: 0 }],
    ['a device', file('dev/x', { type: 'char', devMajor: 10, devMinor: 229 }), { type: 'character-device', devmajor: 10, devminor: 229 }],
    ['a fifo', file('p', { type: 'fifo' }), { type: 'fifo' }],
    ['the largest ids', file('x', { uid: 2097151, gid: 2097151 }), { uid: 2097151, gid: 2097151 }],
    ['a name of 100 bytes', file('n'.repeat(100)), { name: 'n'.repeat(100) }],
    [
      'a long name with a slash at the right place',
      file(`${'d'.repeat(150)}/${'n'.repeat(100)}`),
      { name: `${'d'.repeat(150)}/${'n'.repeat(100)}` },
    ],
    ['no user or group names', file('x'), { uname: '', gname: '' }],
  ])('%s', async (_, entry, expected) => {
    expect(encodeHeader(entry)).toHaveLength(512);
    const header = await readBack(entry);
    expect(header).toMatchObject(expected);
    expect(header?.pax ?? null).toBeNull();
  });
});

describe('PAX records, only for what does not fit', () => {
  test.each<[string, FileEntry, Record<string, string>]>([
    ['a name of 101 bytes', file('n'.repeat(101)), { path: 'n'.repeat(101) }],
    ['a name that is not ASCII', file('ä/ö'), { path: 'ä/ö' }],
    ['a long link', file('l', { type: 'symlink', link: 'x'.repeat(101) }), { linkpath: 'x'.repeat(101) }],
    ['large ids', file('x', { uid: 2097152, gid: 4294967294 }), { uid: '2097152', gid: '4294967294' }],
    ['8 GiB', file('x', { size: 8 * 1024 ** 3 }), { size: '8589934592' }],
    ['a time before 1970', file('x', { mtime: -5 }), { mtime: '-5' }],
    ['a time after 2242', file('x', { mtime: 8_589_934_592 }), { mtime: '8589934592' }],
    ['attributes', file('x', { xattrs: { 'user.b': '2', 'user.a': '1' } }), { 'SCHILY.xattr.user.a': '1', 'SCHILY.xattr.user.b': '2' }],
  ])('%s', async (_, entry, expected) => {
    const bytes = encodeHeader(entry);
    expect(bytes.length % 512).toBe(0);
    expect(String.fromCharCode(bytes[156] ?? 0)).toBe('x');
    const body = bytes.toString('utf8', 512, 512 + Number.parseInt(bytes.toString('latin1', 124, 135), 8));
    const records = Object.fromEntries(
      body
        .trimEnd()
        .split('\n')
        .map((line) => line.slice(line.indexOf(' ') + 1))
        .map((record) => [record.slice(0, record.indexOf('=')), record.slice(record.indexOf('=') + 1)]),
    );
    expect(records).toEqual(expected);
  });

  test('the length of a record counts its own digits', () => {
    // 3 digits, blank, "path=", name, newline: 99 bytes of name would need two or three digits.
    for (let length = 80; length < 130; length++) {
      const bytes = encodeHeader(file(`ü${'n'.repeat(length)}`));
      const size = Number.parseInt(bytes.toString('latin1', 124, 135), 8);
      expect(bytes.toString('latin1', 512, 512 + size)).toMatch(new RegExp(`^${size} path=`));
    }
  });

  test('names and attribute values are bytes', () => {
    const bytes = encodeHeader(file('a\udcff', { xattrs: { 'security.capability': '\x01\x00\xff\n' } }));
    expect(bytes.includes(Buffer.from([0x61, 0xff, 0x0a]))).toBe(true);
    expect(bytes.includes(Buffer.from('SCHILY.xattr.security.capability=\x01\x00\xff\n\n', 'latin1'))).toBe(true);
  });

  test('an attribute whose name PAX cannot carry is refused', () => {
    expect(() => encodeHeader(file('x', { xattrs: { 'user.a=b': '' } }))).toThrow(
      expect.objectContaining({ code: 'exec/layer-malformed' }),
    );
  });
});

describe('whiteouts', () => {
  test.each([
    ['gone', '.wh.gone'],
    ['a/b/gone', 'a/b/.wh.gone'],
  ])('%s is written as an empty file %s without mode, owner and time', async (path, name) => {
    const header = await readBack(file(path, { type: 'whiteout', mode: 0o777, uid: 5, gid: 5, size: 3 }));
    expect(header).toMatchObject({ name, type: 'file', mode: 0, uid: 0, gid: 0, size: 0, mtime: new Date(0) });
  });

  test('opaque markers are never written', () => {
    expect(() => encodeHeader(file('d', { type: 'opaque' }))).toThrow(/whiteouts/);
  });
});

test('fractions of a second never reach the archive', () => {
  expect(encodeHeader(file('x', { mtime: 1.75 }))).toEqual(encodeHeader(file('x', { mtime: 1 })));
});
