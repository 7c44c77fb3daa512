// The TocStore port, run against the store on disk.
import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openFsTocStore } from '../../src/cache/fs-toc-store.ts';
import type { TocStore } from '../../src/cache/toc-store.ts';
import { digestOf, parseDiffId, sha256Hex } from '../../src/core/digest.ts';
import type { FileEntry, LayerToc } from '../../src/core/file-entry.ts';

let root: string;
let tocs: TocStore;
const diffId = parseDiffId(digestOf('layer'));

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'toc-store-'));
  tocs = openFsTocStore(root);
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

const storedFile = (): string => join(root, 'tocs-v1', diffId.slice(7, 9), diffId.slice(7));

const file = (path: string, more: Partial<FileEntry> = {}): FileEntry => ({
  path,
  type: 'file',
  mode: 0o644,
  uid: 0,
  gid: 0,
  size: path.length,
  mtime: 1_700_000_000,
  sha256: sha256Hex(path),
  ...more,
});

const anyEntry: fc.Arbitrary<FileEntry> = fc.record(
  {
    path: fc.oneof(fc.string({ unit: 'binary' }), fc.constantFrom('caf\udce9', 'a/b', '')),
    type: fc.constantFrom('file', 'dir', 'symlink', 'hardlink', 'char', 'block', 'fifo', 'whiteout', 'opaque'),
    mode: fc.nat(0o7777),
    uid: fc.nat(4_294_967_295),
    gid: fc.nat(3),
    size: fc.maxSafeNat(),
    mtime: fc.integer({ min: -(2 ** 40), max: 2 ** 40 }),
    link: fc.string({ unit: 'binary' }),
    devMajor: fc.nat(),
    devMinor: fc.nat(),
    xattrs: fc.dictionary(fc.constantFrom('security.capability', 'user.x'), fc.string()),
    sha256: fc.string().map(sha256Hex),
  },
  { requiredKeys: ['path', 'type', 'mode', 'uid', 'gid', 'size', 'mtime'], noNullPrototype: true },
);

describe('tables of contents', () => {
  it('come back as they were stored', () => {
    fc.assert(
      fc.property(
        fc.array(anyEntry, { maxLength: 30 }),
        fc.dictionary(fc.string(), fc.string(), { noNullPrototype: true }),
        (entries, identityFiles) => {
          const toc: LayerToc = { entries, identityFiles };
          tocs.put(diffId, toc);
          expect(tocs.get(diffId)).toEqual(toc);
        },
      ),
    );
    expect(readdirSync(join(root, 'tmp-v1'))).toEqual([]);
  });

  it('come back when large, from a small file', () => {
    const entries = Array.from({ length: 50_000 }, (_, i) => file(`app/node_modules/package-${i % 700}/dist/module-${i}.js`, { size: i }));
    tocs.put(diffId, { entries, identityFiles: {} });
    const toc = tocs.get(diffId);
    expect(toc?.entries).toHaveLength(50_000);
    expect(toc?.entries[49_999]).toEqual(entries[49_999]);
    expect(readFileSync(storedFile()).length).toBeLessThan(3_000_000);
  });

  it('come back whole when they are stored in pieces', () => {
    const odd: FileEntry[] = [
      { ...file('link'), type: 'symlink', link: 'x', size: 0 },
      file('cap', { xattrs: { 'security.capability': '\x01\xff' } }),
    ];
    const entries = Array.from({ length: 20_000 }, (_, i) => odd[(i + 1) % 4096] ?? file(`${i}`, i % 3 === 0 ? {} : { uid: i }));
    const toc: LayerToc = { entries, identityFiles: { 'etc/passwd': 'root:x:0:0' } };
    tocs.put(diffId, toc);
    const read = tocs.get(diffId);
    expect(read?.identityFiles).toEqual(toc.identityFiles);
    const texts = (list: readonly FileEntry[] = []): string[] => list.map((entry) => JSON.stringify(Object.entries(entry).toSorted()));
    expect(texts(read?.entries)).toEqual(texts(entries));
  });

  it('are absent before put, after remove, and in an empty store', () => {
    expect(tocs.get(diffId)).toBeNull();
    tocs.put(diffId, { entries: [file('a')], identityFiles: {} });
    tocs.remove(diffId);
    tocs.remove(diffId);
    expect(tocs.get(diffId)).toBeNull();
  });

  it('are absent when the file is damaged anywhere, and can be stored again', () => {
    const toc: LayerToc = {
      entries: [file('etc/passwd'), file('x', { type: 'symlink', link: 'y' })],
      identityFiles: { 'etc/passwd': 'root:x:0:0' },
    };
    tocs.put(diffId, toc);
    const bytes = readFileSync(storedFile());
    fc.assert(
      fc.property(fc.nat(bytes.length - 1), fc.integer({ min: 1, max: 255 }), fc.boolean(), (at, change, cut) => {
        tocs.put(diffId, toc);
        const hurt = Buffer.from(bytes);
        hurt[at] = (hurt[at] ?? 0) ^ change;
        chmodSync(storedFile(), 0o644);
        writeFileSync(storedFile(), cut ? bytes.subarray(0, at) : hurt);
        expect(tocs.get(diffId)).toBeNull();
        tocs.put(diffId, toc);
        expect(tocs.get(diffId)).toEqual(toc);
      }),
      // Between the digest and what it is of.
      { examples: [[64, 1, false]] },
    );
  });

  it.each([
    ['not JSON', 'nonsense'],
    ['null', 'null'],
    ['an empty object', '{}'],
    [
      'columns of different length',
      '{"paths":["a"],"types":"","modes":[],"uids":0,"gids":0,"sizes":[],"mtimes":[],"digests":"","extras":{},"identityFiles":{}}',
    ],
    [
      'an unknown type',
      '{"paths":["a"],"types":"z","modes":[1],"uids":0,"gids":0,"sizes":[1],"mtimes":[1],"digests":"","extras":{},"identityFiles":{}}',
    ],
    [
      'a missing digest',
      '{"paths":["a"],"types":"0","modes":[1],"uids":0,"gids":0,"sizes":[1],"mtimes":[1],"digests":"ab","extras":{},"identityFiles":{}}',
    ],
    ['a broken zstd stream', '(\xb5/\xfd'],
  ])('are absent when a well-summed file holds %s', (_, body) => {
    tocs.put(diffId, { entries: [], identityFiles: {} });
    chmodSync(storedFile(), 0o644);
    const bytes = Buffer.from(body, 'latin1');
    writeFileSync(storedFile(), Buffer.concat([Buffer.from(`${sha256Hex(bytes)}\n`), bytes]));
    expect(tocs.get(diffId)).toBeNull();
  });
});
