// eStargz as its specification has it, judged from the blob alone: footer, table of contents, members.
import { createHash, randomBytes } from 'node:crypto';
import { gunzipSync } from 'node:zlib';
import { beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { LayerRef } from '../../../src/core/descriptor.ts';
import { writeEstargz } from '../../../src/executor/layer/compression/estargz.ts';
import { readLayer } from '../../../src/executor/layer/toc.ts';
import { MemoryBlobStore } from '../../support/memory-blob-store.ts';
import { chunked, paxMember, paxRecord, rawMember, rawTar } from './raw-tar.ts';

const MIB = 1024 * 1024;
const sha256 = (bytes: Uint8Array): string => `sha256:${createHash('sha256').update(bytes).digest('hex')}`;

interface Row {
  readonly name: string;
  readonly type: string;
  readonly size?: number;
  readonly offset?: number;
  readonly chunkOffset?: number;
  readonly chunkSize?: number;
  readonly chunkDigest?: string;
  readonly digest?: string;
}

let store: MemoryBlobStore;
beforeEach(() => {
  store = new MemoryBlobStore();
});

const convert = (tar: Buffer, piece?: number, level?: number): Promise<LayerRef> => writeEstargz(chunked(tar, piece), store, level);

/** Follows the footer to the table of contents, as a runtime does that has fetched nothing else. */
function readToc(blob: Buffer): { readonly offset: number; readonly json: Buffer; readonly rows: readonly Row[] } {
  const footer = blob.subarray(-51);
  expect(footer.subarray(0, 16).toString('hex')).toBe('1f8b08040000000000ff1a0053471600');
  expect(footer.toString('latin1', 32, 38)).toBe('STARGZ');
  expect(gunzipSync(footer)).toHaveLength(0);
  const offset = Number.parseInt(footer.toString('latin1', 16, 32), 16);
  const tar = gunzipSync(blob.subarray(offset, -51));
  expect(tar.toString('latin1', 0, 17)).toBe('stargz.index.json');
  const size = Number.parseInt(tar.toString('latin1', 124, 135), 8);
  const json = tar.subarray(512, 512 + size);
  const { version, entries } = JSON.parse(json.toString('utf8'));
  expect(version).toBe(1);
  return { offset, json, rows: entries };
}

/** Content of a file, put together from members that are each fetched and checked alone. */
function fetchFile(blob: Buffer, rows: readonly Row[], name: string, tocOffset: number): Buffer {
  const starts = [...rows.flatMap(({ offset }) => (offset === undefined ? [] : [offset])), tocOffset].sort((a, b) => a - b);
  const chunks = rows.filter((row) => row.name === name && row.offset !== undefined);
  const size = chunks[0]?.size ?? 0;
  const pieces = chunks.map((chunk) => {
    const at = chunk.chunkOffset ?? 0;
    const from = chunk.offset ?? 0;
    const member = gunzipSync(
      blob.subarray(
        from,
        starts.find((start) => start > from),
      ),
    );
    const bytes = member.subarray(0, (chunk.chunkSize ?? 0) || size - at);
    expect(sha256(bytes)).toBe(chunk.chunkDigest);
    return bytes;
  });
  return Buffer.concat(pieces);
}

const FILES: Readonly<Record<string, Buffer>> = {
  'small.txt': Buffer.from('small\n'),
  'random.bin': randomBytes(9 * MIB + 5),
  'exact.bin': randomBytes(4 * MIB),
  'text.txt': Buffer.from('all work and no play\n'.repeat(100_000)),
};
const MEMBERS = [
  rawMember({ name: 'd/', type: '5', mode: 0o750, uid: 5, gid: 6, mtime: 1_600_000_000 }),
  rawMember({ name: 'empty' }),
  ...Object.entries(FILES).map(([name, content]) => rawMember({ name, content, mtime: 1_600_000_001 })),
  rawMember({ name: 'hard', type: '1', link: 'small.txt' }),
  rawMember({ name: 'soft', type: '2', link: '../x' }),
  rawMember({ name: 'etc/.wh.passwd' }),
  rawMember({ name: 'var/.wh..wh..opq' }),
  rawMember({ name: 'null', type: '3', devMajor: 1, devMinor: 3 }),
  rawMember({ name: 'pipe', type: '6' }),
  paxMember(paxRecord('path', `deep/${'x'.repeat(200)}/ü`), paxRecord('SCHILY.xattr.user.note', 'hi\n')),
  rawMember({ name: 'cut', content: 'named by pax', patch: (header) => header.write('alice', 265) }),
];

describe('the layer', () => {
  let blob: Buffer;
  let ref: LayerRef;
  beforeAll(async () => {
    store = new MemoryBlobStore();
    ref = await convert(rawTar(...MEMBERS));
    blob = await store.read(ref.blob.digest);
  });

  test('leads from its footer to a table of contents that the annotation vouches for', () => {
    const { json, rows } = readToc(blob);
    expect(ref.blob.annotations).toEqual({
      'containerd.io/snapshot/stargz/toc.digest': sha256(json),
      'io.containers.estargz.uncompressed-size': String(gunzipSync(blob).length),
    });
    expect(rows.filter(({ type }) => type !== 'chunk').map(({ type, name }) => `${type} ${name.slice(0, 20)}`)).toEqual([
      'reg .no.prefetch.landmar',
      'dir d/',
      'reg empty',
      ...Object.keys(FILES).map((name) => `reg ${name}`),
      'hardlink hard',
      'symlink soft',
      'reg etc/.wh.passwd',
      'reg var/.wh..wh..opq',
      'char null',
      'fifo pipe',
      `reg deep/${'x'.repeat(15)}`,
    ]);
    const row = (name: string) => rows.find((each) => each.name.startsWith(name));
    expect(row('d/')).toEqual({ name: 'd/', type: 'dir', modtime: '2020-09-13T12:26:40Z', mode: 0o750, uid: 5, gid: 6 });
    expect(row('hard')).toMatchObject({ linkName: 'small.txt' });
    expect(row('soft')).toMatchObject({ linkName: '../x' });
    expect(row('null')).toMatchObject({ devMajor: 1, devMinor: 3 });
    expect(row('deep/')).toMatchObject({ name: `deep/${'x'.repeat(200)}/ü`, userName: 'alice', xattrs: { 'user.note': 'aGkK' } });
    expect(row('empty')).toMatchObject({ digest: sha256(Buffer.alloc(0)) });
    expect(row('empty')).not.toHaveProperty('size');
  });

  test.each([...Object.keys(FILES), '.no.prefetch.landmark'])('gives %s alone, piece by piece', (name) => {
    const { rows, offset } = readToc(blob);
    const content = FILES[name] ?? Buffer.from([0xf]);
    expect(fetchFile(blob, rows, name, offset).equals(content)).toBe(true);
    const pieces = rows.filter((row) => row.name === name);
    expect(pieces.map(({ type }) => type)).toEqual(['reg', ...Array(Math.ceil(content.length / (4 * MIB)) - 1).fill('chunk')]);
    expect(pieces[0]).toMatchObject({ size: content.length, digest: sha256(content) });
    // The last chunk reaches to the end of the file and does not say how far that is.
    expect(pieces.map(({ chunkSize }) => chunkSize)).toEqual([...Array(pieces.length - 1).fill(4 * MIB), undefined]);
  });

  test('is a plain gzip layer whose headers are those of the tar, byte for byte', async () => {
    const tar = gunzipSync(blob);
    expect(ref.diffId).toBe(sha256(tar));
    const original = Buffer.concat(MEMBERS);
    expect(tar.subarray(1024, 1024 + original.length).equals(original)).toBe(true);
    const { toc } = await readLayer(chunked(blob), { diffId: ref.diffId });
    expect(toc.entries.map(({ path }) => path)).toEqual(expect.arrayContaining(['d', 'small.txt', 'etc/passwd', 'stargz.index.json']));
  });

  test('has the same bytes however the tar arrives, and when it is made a second time from itself', async () => {
    for (const piece of [513, 70_000, 3 * MIB]) expect(await convert(rawTar(...MEMBERS), piece)).toEqual(ref);
    expect(await convert(gunzipSync(blob), 100_000)).toEqual(ref);
  });

  test('changes with the level', async () => {
    const other = await convert(rawTar(...MEMBERS), undefined, 1);
    expect(other.blob.digest).not.toBe(ref.blob.digest);
    const { json, rows } = readToc(await store.read(other.blob.digest));
    expect(sha256(json)).toBe(other.blob.annotations?.['containerd.io/snapshot/stargz/toc.digest']);
    expect(rows.map(({ digest }) => digest)).toEqual(readToc(blob).rows.map(({ digest }) => digest));
  });
});

test('a layer without entries has a landmark and a table of contents', async () => {
  const { blob } = await convert(rawTar());
  expect(readToc(await store.read(blob.digest)).rows.map(({ name }) => name)).toEqual(['.no.prefetch.landmark']);
});

test('long runs of entries without content take no room of their own', async () => {
  const dirs = Array.from({ length: 6000 }, (_, at) => rawMember({ name: `d${at}/`, type: '5' }));
  const ref = await convert(rawTar(...dirs, rawMember({ name: 'after', content: 'x' })));
  const blob = await store.read(ref.blob.digest);
  const { rows, offset } = readToc(blob);
  expect(rows).toHaveLength(6002);
  expect(fetchFile(blob, rows, 'after', offset).toString()).toBe('x');
});

test('a sparse file is written out', async () => {
  const map = (header: Buffer) => {
    header.write('ustar  \0', 257, 'latin1');
    header.write(`${(4096).toString(8).padStart(11, '0')}\0${(4).toString(8).padStart(11, '0')}\0`, 386);
    header.write(`${(5000).toString(8).padStart(11, '0')}\0`, 483);
  };
  const ref = await convert(rawTar(rawMember({ name: 'holes', type: 'S', content: 'data', patch: map })));
  const blob = await store.read(ref.blob.digest);
  const { rows, offset } = readToc(blob);
  const content = fetchFile(blob, rows, 'holes', offset);
  expect([content.length, content.toString('latin1', 4096, 4100)]).toEqual([5000, 'data']);
});

test.each([
  ['a cut tar', rawTar(rawMember({ name: 'x', content: 'x'.repeat(3000) })).subarray(0, 1500), 'exec/layer-truncated'],
  ['a broken header', rawTar(rawMember({ name: 'x', checksum: 7 })), 'exec/layer-malformed'],
])('%s is an error that leaves nothing', async (_, tar, code) => {
  await expect(convert(tar)).rejects.toMatchObject({ name: 'TsbuildError', code });
  expect([...store.list()]).toEqual([]);
});

test('times that no date can say are left out', async () => {
  const late = rawMember({ name: 'late', patch: (header) => Buffer.from('800000000000003fffffffff', 'hex').copy(header, 136) });
  const { blob } = await convert(rawTar(rawMember({ name: 'epoch' }), late));
  expect(readToc(await store.read(blob.digest)).rows.slice(1)).toEqual([
    expect.not.objectContaining({ modtime: expect.anything() }),
    expect.not.objectContaining({ modtime: expect.anything() }),
  ]);
});
