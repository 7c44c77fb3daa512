// The BuildIndex port, run against sqlite, with the damage a shared file on disk can meet.
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { fileURLToPath } from 'node:url';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { BuildRecord, StatRow } from '../../src/cache/build-index.ts';
import { indexSchema } from '../../src/cache/index-schema.ts';
import { SqliteDatabase } from '../../src/cache/sqlite-database.ts';
import { openSqliteIndex, type SqliteIndex } from '../../src/cache/sqlite-index.ts';
import type { Descriptor } from '../../src/core/descriptor.ts';
import { cacheKeyOf, type DiffId, digestOf, parseChainId, parseDiffId } from '../../src/core/digest.ts';
import { OCI_INDEX, OCI_LAYER_GZIP, OCI_LAYER_ZSTD } from '../../src/core/media-types.ts';

const CHILD = fileURLToPath(new URL('./children/take-snapshots.ts', import.meta.url));
const BEGIN = fileURLToPath(new URL('./children/begin-index.ts', import.meta.url));
const EXHAUST = fileURLToPath(new URL('./children/exhaust-files.ts', import.meta.url));
const TAG_CHILD = fileURLToPath(new URL('./children/set-tag.ts', import.meta.url));

let root: string;
let index: SqliteIndex;
let clock: number;
let notices: string[];

const open = (): SqliteIndex => openSqliteIndex(root, { now: () => clock, onNotice: (message) => notices.push(message) });
const file = (): string => join(root, 'index-v1/index.db');

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'build-index-'));
  clock = 1_700_000_000_000;
  notices = [];
  index = open();
});
afterEach(() => {
  index.close();
  rmSync(root, { recursive: true, force: true });
});

function reopen(): void {
  index.close();
  index = open();
}

const diffIdOf = (text: string): DiffId => parseDiffId(digestOf(text));
const layer = (text: string, mediaType = OCI_LAYER_GZIP): Descriptor => ({ mediaType, digest: digestOf(text), size: text.length });
const record = (name: string, more: Partial<BuildRecord> = {}): BuildRecord => ({
  key: cacheKeyOf(name),
  outputKey: cacheKeyOf(`out ${name}`),
  diffId: diffIdOf(name),
  blob: layer(name),
  created: 1_699_999_999_123,
  below: null,
  ingredients: { args: 'make', base: digestOf('base') },
  slot: 'build 2',
  ...more,
});

describe('records', () => {
  it('gives back what was saved, also to the next process', () => {
    index.saveRecord(record('a'));
    expect(index.record(cacheKeyOf('a'))).toEqual(record('a'));
    reopen();
    expect(index.record(cacheKeyOf('a'))).toEqual(record('a'));
    expect(index.record(cacheKeyOf('b'))).toBeNull();
  });

  it('replaces the record of a key', () => {
    index.saveRecord(record('a'));
    index.saveRecord(record('a', { diffId: diffIdOf('other') }));
    expect(index.record(cacheKeyOf('a'))?.diffId).toBe(diffIdOf('other'));
  });

  it('finds a record through an alias, but not through an alias of nothing', () => {
    index.saveRecord(record('a'));
    index.alias(cacheKeyOf('definition'), cacheKeyOf('a'));
    index.alias(cacheKeyOf('lost'), cacheKeyOf('nothing'));
    expect(index.record(cacheKeyOf('definition'))).toEqual(record('a'));
    expect(index.record(cacheKeyOf('lost'))).toBeNull();
  });

  it('lists the records of a slot, newest first', () => {
    for (const [name, created] of [
      ['old', 1],
      ['new', 3],
      ['mid', 2],
    ] as const)
      index.saveRecord(record(name, { created }));
    index.saveRecord(record('elsewhere', { slot: 'build 3' }));
    index.saveRecord(record('of another stage', { slot: 'test 2' }));
    expect(index.recordsOfSlot('build 2', 2).map((found) => found.created)).toEqual([3, 2]);
    expect(index.recordsOfSlotGroup('build ', 9).map((found) => found.slot)).toEqual(['build 3', 'build 2', 'build 2', 'build 2']);
    expect(index.recordsOfSlotGroup('build ', 2).map((found) => found.slot)).toEqual(['build 3', 'build 2']);
  });

  it('refreshes the last use of read records when it is closed, not before', () => {
    index.saveRecord(record('read'));
    index.saveRecord(record('unread'));
    clock += 3_600_000;
    index.record(cacheKeyOf('read'));
    const used = (): unknown[] => index.db.all('SELECT last_used FROM records ORDER BY last_used').map((row) => row.last_used);
    expect(used()).toEqual([clock - 3_600_000, clock - 3_600_000]);
    reopen();
    expect(used()).toEqual([clock - 3_600_000, clock]);
  });

  it.each(['key', 'output_key', 'diff_id', 'blob', 'ingredients'])('takes a row whose %s makes no sense as absent', (column) => {
    index.saveRecord(record('a'));
    index.db.run(`UPDATE records SET ${column} = '../../etc/passwd'`);
    expect(index.recordsOfSlot('build 2', 9)).toEqual([]);
    expect(index.record(cacheKeyOf('a'))).toBeNull();
  });
});

describe('tags', () => {
  const target: Descriptor = { mediaType: OCI_INDEX, digest: digestOf('index'), size: 7 };

  it('sets, replaces, lists by name and removes', () => {
    index.setTag('docker.io/library/b:1', target, 5);
    index.setTag('docker.io/library/a:1', { ...target, size: 1 }, 6);
    index.setTag('docker.io/library/b:1', { ...target, size: 2 }, 7);
    expect(index.tag('docker.io/library/b:1')).toEqual({ name: 'docker.io/library/b:1', target: { ...target, size: 2 }, created: 7 });
    expect(index.tags().map((tag) => tag.name)).toEqual(['docker.io/library/a:1', 'docker.io/library/b:1']);
    expect(index.removeTag('docker.io/library/a:1')).toBe(true);
    expect(index.removeTag('docker.io/library/a:1')).toBe(false);
    expect(index.tag('docker.io/library/a:1')).toBeNull();
  });
});

describe('layers', () => {
  it('knows the compressed forms of a diffID, oldest first, and back', () => {
    const diffId = diffIdOf('layer');
    index.setDiffId(layer('gz'), diffId);
    index.setDiffId(layer('zst', OCI_LAYER_ZSTD), diffId);
    index.setDiffId(layer('gz'), diffId);
    expect(index.blobsOfDiffId(diffId)).toEqual([layer('gz'), layer('zst', OCI_LAYER_ZSTD)]);
    expect(index.diffIdOfBlob(layer('zst').digest)).toBe(diffId);
    expect(index.diffIdOfBlob(digestOf('?'))).toBeNull();
  });

  it('remembers where blobs were seen, last first', () => {
    const { digest } = layer('gz');
    index.addLocation(digest, 'docker.io/library/node');
    clock += 1000;
    index.addLocation(digest, 'registry.test/app');
    expect(index.locations(digest)).toEqual(['registry.test/app', 'docker.io/library/node']);
    expect(index.locations(digestOf('?'))).toEqual([]);
  });
});

describe('snapshots', () => {
  const chain = parseChainId(digestOf('chain'));

  it('reserves, commits, finds and removes', () => {
    const id = index.newSnapshot();
    expect(index.snapshots()).toEqual([{ id, chainId: null, size: 0 }]);
    expect(index.snapshot(chain)).toBeNull();
    expect(index.commitSnapshot(id, chain, 42)).toEqual({ id, chainId: chain, size: 42 });
    expect(index.snapshot(chain)).toEqual({ id, chainId: chain, size: 42 });
    index.removeSnapshot(id);
    expect(index.snapshots()).toEqual([]);
  });

  it('gives the first of two the name, and the second the first', () => {
    const [first, second] = [index.newSnapshot(), index.newSnapshot()];
    index.commitSnapshot(first, chain, 1);
    expect(index.commitSnapshot(second, chain, 2)).toEqual({ id: first, chainId: chain, size: 1 });
    expect(index.snapshots().map((row) => row.id)).toEqual([first]);
    expect(index.commitSnapshot(first, chain, 1).id).toBe(first);
  });

  it('never gives an id twice, whether removed or begun anew', async () => {
    const ids = [index.newSnapshot()];
    index.removeSnapshot(ids[0] ?? '');
    ids.push(index.newSnapshot());
    index.close();
    rmSync(join(root, 'index-v1'), { recursive: true });
    await new Promise((resolve) => setTimeout(resolve, 50));
    index = open();
    ids.push(index.newSnapshot());
    expect(new Set(ids).size).toBe(3);
    for (const id of ids) expect(id).toMatch(/^[0-9a-z]{1,8}$/);
  });

  it('gives different ids to processes that ask at once', async () => {
    const outputs = await Promise.all(
      Array.from({ length: 4 }, () => {
        const child = spawn(process.execPath, [CHILD, root, '50'], { stdio: ['ignore', 'pipe', 'inherit'] });
        return new Promise<string>((resolve) => {
          let out = '';
          child.stdout.on('data', (data: Buffer) => {
            out += data.toString();
          });
          child.on('close', () => resolve(out));
        });
      }),
    );
    const ids = outputs.flatMap((out) => out.trim().split('\n'));
    expect(ids).toHaveLength(200);
    expect(new Set(ids).size).toBe(200);
  });

  it('begins with any number of processes at once', async () => {
    const children = Array.from({ length: 6 }, () => spawn(process.execPath, [BEGIN], { stdio: ['pipe', 'pipe', 'inherit'] }));
    const answers = (): Promise<string[]> =>
      Promise.all(
        children.map(({ stdout }) => new Promise<string>((told) => stdout.once('data', (data: Buffer) => told(data.toString().trim())))),
      );
    try {
      await answers();
      // Which of them meet is chance: without waiting for each other, some do in most runs of 80.
      for (let round = 0; round < 80; round += 1) {
        const said = answers();
        for (const { stdin } of children) stdin.write(`${join(root, `new-${round}`)}\n`);
        expect(await said).toEqual(Array(6).fill('ok'));
      }
    } finally {
      for (const child of children) child.kill();
    }
  });
});

describe('stat cache', () => {
  const row = (n: bigint): StatRow => ({
    size: Number(n),
    mtime: 1_700_000_000_123_456_789n + n,
    ctime: n,
    inode: (1n << 63n) + n,
    sha256: digestOf(String(n)).slice(7),
  });

  /** What the index knows, as it was saved. */
  const known = (directory: string): [string, StatRow][] => {
    const { names = [], stamps = new BigInt64Array(0), digests = '' } = index.stats(directory) ?? {};
    return names.map((name, at) => {
      const [size = 0n, mtime = 0n, ctime = 0n, inode = 0n] = stamps.subarray(4 * at);
      const sha256 = digests.slice(64 * at, 64 * at + 64);
      return [directory + name, { size: Number(size), mtime, ctime, inode: BigInt.asUintN(64, inode), sha256 }];
    });
  };

  it('gives back what was saved, for names of any bytes', () => {
    const name = fc.stringMatching(/^[^/\0\ud800-\udfff]{1,12}$/u);
    const path = fc
      .tuple(fc.constantFrom('/a/', '/a/b/', '/', '/caf\udce9/'), fc.oneof(name, fc.constantFrom('\udcff', 'é', 'x\udc80')))
      .map(([dir, base]) => dir + base);
    fc.assert(
      fc.property(
        fc.dictionary(path, fc.bigInt({ min: 0n, max: 1n << 40n })),
        fc.dictionary(path, fc.bigInt({ min: 0n, max: 9n })),
        (first, second) => {
          const a = new Map(Object.entries(first).map(([key, n]) => [key, row(n)]));
          const b = new Map(Object.entries(second).map(([key, n]) => [key, row(n)]));
          index.saveStats(a);
          index.saveStats(b);
          const want = new Map([...a, ...b]);
          const dirs = new Set([...want.keys()].map((key) => key.slice(0, key.lastIndexOf('/') + 1)));
          const got = new Map([...dirs].flatMap(known));
          for (const [key, value] of want) expect(got.get(key)).toEqual(value);
        },
      ),
      { numRuns: 50 },
    );
    expect([index.stats('/never-there/'), index.stats('relative')]).toEqual([null, null]);
  });

  it.each(['names', 'numbers', 'digests'])('survives %s cut short', (column) => {
    index.saveStats(
      new Map([
        ['/d/one', row(1n)],
        ['/d/two', row(2n)],
      ]),
    );
    index.db.run(`UPDATE stat_dirs SET ${column} = substr(${column}, 1, length(${column}) - 5)`);
    expect(index.stats('/d/')).toBeNull();
  });

  it('forgets files that left a directory with many names', () => {
    const many = (prefix: string, count: number): Map<string, StatRow> =>
      new Map(Array.from({ length: count }, (_, i) => [`/d/${prefix}${i}`, row(BigInt(i))]));
    index.saveStats(many('old', 3000));
    index.saveStats(many('new', 10));
    expect(known('/d/').filter(([path]) => path === '/d/old1' || path === '/d/new1')).toHaveLength(1);
  });
});

describe('facts', () => {
  it('expire', () => {
    index.setFact('tag', 'value', 1000);
    expect(index.fact('tag')).toBe('value');
    clock += 1001;
    expect(index.fact('tag')).toBeNull();
  });
});

describe('transactions', () => {
  it('keep nothing of a body that throws, and join when nested', () => {
    expect(() =>
      index.transaction(() => {
        index.setFact('a', '1', 1000);
        index.transaction(() => index.setFact('b', '2', 1000));
        throw new Error('stop');
      }),
    ).toThrow('stop');
    expect([index.fact('a'), index.fact('b')]).toEqual([null, null]);
    expect(index.transaction(() => 7)).toBe(7);
  });
});

describe('damage', () => {
  const garbage = 'this is not a database at all, '.repeat(400);

  it.each([
    ['garbage', () => writeFileSync(file(), garbage)],
    [
      'a foreign database',
      () => {
        rmSync(file());
        const other = new DatabaseSync(file());
        other.exec('CREATE TABLE things (x)');
        other.close();
      },
    ],
    [
      'a version from the future',
      () => {
        const other = new DatabaseSync(file());
        other.exec('PRAGMA user_version = 99');
        other.close();
      },
    ],
  ])('replaces %s, keeps it aside and says so', (_, damage) => {
    index.saveRecord(record('a'));
    index.close();
    damage();
    index = open();
    expect(index.record(cacheKeyOf('a'))).toBeNull();
    expect(notices).toHaveLength(1);
    expect(readdirSync(join(root, 'index-v1')).some((name) => name.includes('.damaged-'))).toBe(true);
    index.saveRecord(record('a'));
    reopen();
    expect(index.record(cacheKeyOf('a'))).toEqual(record('a'));
    expect(notices).toHaveLength(1);
  });

  it('by another version that made the file its own meanwhile is overcome, in and out of transactions', () => {
    index.setTag('docker.io/library/kept:1', { ...layer('kept'), mediaType: OCI_INDEX }, 1);
    const takeOver = (): void => {
      const { salvage } = indexSchema();
      const tables = 'CREATE TABLE tags (name TEXT PRIMARY KEY, target TEXT, created INTEGER); CREATE TABLE records (key TEXT)';
      const other = new SqliteDatabase(file(), { version: 99, create: tables, pragmas: '', ...(salvage && { salvage }) }, () => undefined);
      other.run("INSERT OR IGNORE INTO records VALUES ('of the other')");
      other.close();
    };
    takeOver();
    index.saveRecord(record('a'));
    takeOver();
    index.transaction(() => index.setFact('fact', 'value', 1000));
    expect([index.fact('fact'), index.tag('docker.io/library/kept:1')?.name]).toEqual(['value', 'docker.io/library/kept:1']);
    expect(notices.map((notice) => notice.includes('is of another version'))).toEqual([true, true]);
  });

  it('is replaced by one of several processes that meet it at once, and no tag is lost', async () => {
    for (let at = 0; at < 300; at += 1) index.setTag(`docker.io/library/old:${at}`, { ...layer('old'), mediaType: OCI_INDEX }, 1);
    index.close();
    const other = new DatabaseSync(file());
    other.exec('PRAGMA user_version = 99');
    other.close();
    const children = Array.from({ length: 8 }, (_, at) =>
      spawn(process.execPath, [TAG_CHILD, root, `docker.io/library/new:${at}`], { stdio: ['pipe', 'pipe', 'inherit'] }),
    );
    const ended = children.map((child) => new Promise<number | null>((resolve) => child.on('close', resolve)));
    await Promise.all(children.map((child) => new Promise((resolve) => child.stdout.once('data', resolve))));
    // All at one moment, as far as the machine can.
    const moment = String(Date.now() + 20);
    for (const child of children) child.stdin.end(moment);
    expect(await Promise.all(ended)).toEqual(children.map(() => 0));
    index = open();
    expect(index.tags()).toHaveLength(308);
    expect(readdirSync(join(root, 'index-v1')).filter((name) => /\.damaged-[^-]*$/.test(name))).toHaveLength(1);
  });

  it('that another process met and replaced costs no tag that is set later', () => {
    index.saveRecord(record('a'));
    const aside = (suffix: string): void => renameSync(`${file()}${suffix}`, `${file()}.damaged-x${suffix}`);
    for (const suffix of ['', '-wal', '-shm']) aside(suffix);
    const other = open();
    expect(other.tags()).toEqual([]);
    index.setTag('docker.io/library/new:1', { ...layer('new'), mediaType: OCI_INDEX }, 1);
    expect(other.tags().map(({ name }) => name)).toEqual(['docker.io/library/new:1']);
    other.close();
  });

  it('starts over on an empty file', () => {
    mkdirSync(join(root, 'index-v1'), { recursive: true });
    writeFileSync(file(), '');
    expect(index.tags()).toEqual([]);
    expect(notices).toEqual([]);
  });

  it('carries tags over from a file whose other pages are damaged', () => {
    const target: Descriptor = { mediaType: OCI_INDEX, digest: digestOf('index'), size: 7 };
    index.setTag('docker.io/library/kept:1', target, 5);
    for (let i = 0; i < 300; i++) index.saveRecord(record(`r${i}`));
    index.close();
    const bytes = readFileSync(file());
    const leaf = bytes.indexOf('make');
    const page = leaf - (leaf % 4096);
    bytes.fill(0xff, page, page + 4096);
    writeFileSync(file(), bytes);
    index = open();
    for (let i = 0; i < 300; i++) index.record(cacheKeyOf(`r${i}`));
    expect(notices).toHaveLength(1);
    expect(index.tag('docker.io/library/kept:1')?.target).toEqual(target);
  });

  it('never crashes raw on a file that was cut or flipped anywhere', () => {
    for (let i = 0; i < 50; i++) index.saveRecord(record(`r${i}`));
    index.close();
    const original = readFileSync(file());
    fc.assert(
      fc.property(fc.nat(original.length - 1), fc.nat(255), fc.boolean(), (at, value, cut) => {
        const bytes = Buffer.from(original);
        bytes[at] = value;
        rmSync(join(root, 'index-v1'), { recursive: true, force: true });
        mkdirSync(join(root, 'index-v1'));
        writeFileSync(file(), bytes);
        if (cut) truncateSync(file(), at);
        const hurt = open();
        for (let i = 0; i < 50; i += 7) hurt.record(cacheKeyOf(`r${i}`));
        hurt.saveRecord(record('new'));
        hurt.setTag('docker.io/library/x:1', layer('x'), 1);
        expect(hurt.tag('docker.io/library/x:1')?.target).toEqual(layer('x'));
        hurt.close();
        expect(existsSync(file())).toBe(true);
      }),
      { numRuns: 60 },
    );
  });

  it('says when it cannot be opened for want of file descriptors', () => {
    index.tags();
    index.close();
    const { stdout } = spawnSync('sh', ['-c', 'ulimit -n 128; exec "$0" "$@"', process.execPath, EXHAUST, root], { encoding: 'utf8' });
    expect(stdout).toMatch(/^store\/io: cannot write .*index\.db: EMFILE; raise the limit of open files/);
  });

  it('names the path when the index cannot be made', () => {
    index.close();
    const blocked = join(root, 'file');
    writeFileSync(blocked, '');
    expect(() => openSqliteIndex(blocked).tags()).toThrowError(
      expect.objectContaining({ code: 'store/io', message: expect.stringContaining(blocked) }),
    );
  });
});
