// Garbage collection: what goes, what stays and why, the byte cap, and what running builds keep.
import { spawn, spawnSync } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { BlobStore } from '../../../src/cache/blob-store.ts';
import { openFsBlobStore } from '../../../src/cache/fs-blob-store.ts';
import { openFsTocStore } from '../../../src/cache/fs-toc-store.ts';
import { diskUsage } from '../../../src/cache/gc/disk-usage.ts';
import { type PruneOptions, type PruneResult, prune } from '../../../src/cache/gc/prune.ts';
import { verifyStore } from '../../../src/cache/gc/verify-store.ts';
import { INDEX_FILE, openSqliteIndex, type SqliteIndex } from '../../../src/cache/sqlite-index.ts';
import type { Descriptor } from '../../../src/core/descriptor.ts';
import { type CacheKey, cacheKeyOf, chainIdOf, type DiffId, digestOf, parseDiffId } from '../../../src/core/digest.ts';
import type { FileEntry } from '../../../src/core/file-entry.ts';
import { OCI_CONFIG, OCI_INDEX, OCI_LAYER, OCI_MANIFEST } from '../../../src/core/media-types.ts';

const SESSION_CHILD = fileURLToPath(new URL('../../contract/children/hold-session.ts', import.meta.url));
const HOUR = 3_600_000;

let root: string;
let store: BlobStore;
let index: SqliteIndex;
let now: number;

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'prune-'));
  store = openFsBlobStore(root);
  index = openSqliteIndex(root, { now: () => now });
  now = Date.now();
});
afterEach(() => {
  index.close();
  rmSync(root, { recursive: true, force: true });
});

const MIB = 1024 * 1024;
const diffIdOf = (name: string): DiffId => parseDiffId(digestOf(`${name} diff`));

/** A layer of 1 MiB with record, TOC and diffID, last used `age` ms ago. */
async function addLayer(name: string, age = 0): Promise<{ key: CacheKey; blob: Descriptor; diffId: DiffId }> {
  const stored = await store.put(Buffer.alloc(MIB, name));
  const blob = { mediaType: OCI_LAYER, ...stored };
  const diffId = diffIdOf(name);
  const key = cacheKeyOf(name);
  now = Date.now() - age;
  index.saveRecord({ key, outputKey: key, below: null, diffId, blob, created: now, ingredients: {}, slot: name });
  now = Date.now();
  index.setDiffId(blob, diffId);
  openFsTocStore(root).put(diffId, { entries: [], identityFiles: {} });
  const time = (Date.now() - age) / 1000;
  utimesSync(store.path(blob.digest), time, time);
  utimesSync(join(root, 'tocs-v1', diffId.slice(7, 9), diffId.slice(7)), time, time);
  return { key, blob, diffId };
}

async function putJson(value: unknown): Promise<{ digest: Descriptor['digest']; size: number }> {
  return store.put(Buffer.from(JSON.stringify(value)));
}

/** Tags an image made of layers; `viaIndex` puts an index on top. */
async function tag(name: string, layers: readonly { blob: Descriptor; diffId: DiffId }[], viaIndex = false): Promise<Descriptor> {
  const config = await putJson({ rootfs: { type: 'layers', diff_ids: layers.map((layer) => layer.diffId) }, history: [] });
  const manifest = await putJson({
    schemaVersion: 2,
    config: { mediaType: OCI_CONFIG, ...config },
    layers: layers.map((layer) => layer.blob),
  });
  let target: Descriptor = { mediaType: OCI_MANIFEST, ...manifest };
  if (viaIndex) target = { mediaType: OCI_INDEX, ...(await putJson({ schemaVersion: 2, manifests: [target] })) };
  index.setTag(name, target, Date.now());
  return target;
}

function addSnapshot(name: string, diffIds: readonly DiffId[] | null, age = 0): string {
  now = Date.now() - age;
  const id = index.newSnapshot();
  const directory = join(root, 'snapshots-v1', id, 'fs');
  mkdirSync(directory, { recursive: true });
  writeFileSync(join(directory, name), Buffer.alloc(MIB));
  const chainId = diffIds === null ? null : chainIdOf(diffIds);
  if (chainId !== null) index.commitSnapshot(id, chainId, MIB);
  now = Date.now();
  return id;
}

async function run(options?: PruneOptions): Promise<PruneResult> {
  index.close();
  const result = await prune(root, options);
  return result;
}

/** Another process at work in the store, which asks for one blob; the result kills it. */
async function beginBuild(asksFor: string): Promise<() => Promise<void>> {
  const child = spawn(process.execPath, [SESSION_CHILD, root, asksFor], { stdio: ['ignore', 'pipe', 'inherit'] });
  const gone = new Promise<void>((resolve) => child.on('close', () => resolve()));
  await new Promise((resolve) => child.stdout.once('data', resolve));
  return () => {
    child.kill('SIGKILL');
    return gone;
  };
}

const kindsOf = (result: PruneResult): Record<string, number> => {
  const counts: Record<string, number> = {};
  for (const item of result.removed) counts[item.kind] = (counts[item.kind] ?? 0) + 1;
  return counts;
};

describe('prune', () => {
  it('keeps tagged images with their cache, and removes what no image uses', async () => {
    const [kept, lost] = [await addLayer('kept'), await addLayer('lost')];
    await tag('docker.io/library/app:1', [kept], true);
    const stays = addSnapshot('kept', [kept.diffId]);
    const goes = addSnapshot('lost', [lost.diffId]);
    const result = await run();
    expect(kindsOf(result)).toEqual({ blob: 1, toc: 1, snapshot: 1 });
    expect(result.removed.every((item) => item.reason === 'no tagged image uses it')).toBe(true);
    expect(result.freed).toBeGreaterThanOrEqual(2 * MIB);
    expect(store.has(kept.blob.digest)).toBe(true);
    expect(store.has(lost.blob.digest)).toBe(false);
    expect(index.record(kept.key)).not.toBeNull();
    expect(index.record(lost.key)).toBeNull();
    expect(index.diffIdOfBlob(lost.blob.digest)).toBeNull();
    expect(readdirSync(join(root, 'snapshots-v1'))).toEqual([stays]);
    expect(index.snapshots().map((row) => row.id)).not.toContain(goes);
  });

  it('with all, keeps only what tagged images consist of', async () => {
    const layer = await addLayer('kept');
    const target = await tag('docker.io/library/app:1', [layer]);
    addSnapshot('kept', [layer.diffId]);
    mkdirSync(join(root, 'cache-mounts-v1/abc/0'), { recursive: true });
    const result = await run({ all: true, filters: {} });
    expect(kindsOf(result)).toEqual({ toc: 1, snapshot: 1, 'cache-mount': 1 });
    expect(store.has(layer.blob.digest) && store.has(target.digest)).toBe(true);
    expect(index.record(layer.key)).toBeNull();
    expect(index.tag('docker.io/library/app:1')?.target).toEqual(target);
  });

  it('leaves cache mounts alone unless asked', async () => {
    mkdirSync(join(root, 'cache-mounts-v1/abc/0'), { recursive: true });
    expect((await run()).removed).toEqual([]);
    expect(kindsOf(await run({ filters: { kinds: ['cache-mount'] } }))).toEqual({ 'cache-mount': 1 });
  });

  it('removes the layers of an image once its last tag is gone', async () => {
    const layer = await addLayer('a');
    await tag('docker.io/library/a:1', [layer]);
    await tag('docker.io/library/b:1', [layer]);
    index.removeTag('docker.io/library/a:1');
    expect((await run()).removed).toEqual([]);
    index.removeTag('docker.io/library/b:1');
    // Layer, config, manifest.
    expect(kindsOf(await run())['blob']).toBe(3);
  });

  it('does not touch what was used within the time asked for', async () => {
    const old = await addLayer('old', 5 * HOUR);
    await addLayer('young', HOUR);
    const result = await run({ filters: { unusedFor: 2 * HOUR } });
    expect(result.removed.filter((item) => item.kind === 'blob').map((item) => item.id)).toEqual([old.blob.digest]);
  });

  it('only reports in a dry run', async () => {
    const layer = await addLayer('a');
    const result = await run({ dryRun: true });
    expect(kindsOf(result)).toEqual({ blob: 1, toc: 1 });
    expect(store.has(layer.blob.digest)).toBe(true);
    expect(index.record(layer.key)).not.toBeNull();
  });
});

describe('the byte cap', () => {
  it('counts what the index knows of files, which goes last', async () => {
    const layer = await addLayer('kept');
    await tag('docker.io/library/app:1', [layer]);
    const row = { size: 1, mtime: 1n, ctime: 1n, inode: 1n, sha256: '0'.repeat(64) };
    index.saveStats(new Map(Array.from({ length: 30_000 }, (_, at) => [`/context/d${at % 300}/f${at}`, row])));
    await addLayer('old', 2 * HOUR);
    index.db.compact();
    const before = (await diskUsage(root)).total;
    // One layer is enough.
    expect((await run({ maxBytes: before - MIB })).removed.map(({ kind }) => kind)).toEqual(['blob']);
    expect(index.stats('/context/d1/')).not.toBeNull();
    const result = await run({ maxBytes: 2 * MIB });
    expect(result).toMatchObject({ over: 0, removed: expect.arrayContaining([expect.objectContaining({ kind: 'index' })]) });
    expect(result.freed).toBeGreaterThan(2 * MIB);
    expect((await diskUsage(root)).total).toBeLessThanOrEqual(2 * MIB);
    expect(index.stats('/context/d1/')).toBeNull();
    expect(store.has(layer.blob.digest)).toBe(true);
  });

  it('evicts the least recently used first, until the store obeys', async () => {
    const layers = [];
    for (const [name, age] of [
      ['b', 3],
      ['a', 4],
      ['d', 1],
      ['c', 2],
    ] as const)
      layers.push(await addLayer(name, age * HOUR));
    const result = await run({ maxBytes: Math.round(2.5 * MIB) });
    expect(result.total).toBeLessThanOrEqual(2.5 * MIB);
    expect(result.over).toBe(0);
    expect(layers.map((layer) => store.has(layer.blob.digest))).toEqual([false, false, true, true]);
    expect(result.removed.find((item) => item.kind === 'blob')?.reason).toMatch(/least recently used .* over its limit/);
  });

  it('counts a read of the record as use', async () => {
    const [first, second] = [await addLayer('first', 4 * HOUR), await addLayer('second', 3 * HOUR)];
    index.record(first.key);
    index.close();
    await run({ maxBytes: Math.round(1.5 * MIB) });
    expect([store.has(first.blob.digest), store.has(second.blob.digest)]).toEqual([true, false]);
  });

  it('removes nothing below the cap or the reserved space', async () => {
    await addLayer('a', 4 * HOUR);
    expect((await run({ maxBytes: 10 * MIB })).removed).toEqual([]);
    expect((await run({ maxBytes: 0, reservedBytes: 10 * MIB })).removed).toEqual([]);
  });

  it('leaves no directories that hold nothing', async () => {
    for (let at = 0; at < 20; at += 1) await addLayer(`layer ${at}`, HOUR);
    const cap = 512 * 1024;
    expect(await run({ maxBytes: cap })).toMatchObject({ over: 0 });
    expect([readdirSync(join(root, 'blobs-v1/sha256')), readdirSync(join(root, 'tocs-v1'))]).toEqual([[], []]);
    const layer = await addLayer('next');
    expect((await openFsBlobStore(root).read(layer.blob.digest)).length).toBe(MIB);
  });

  it('says by how much tagged images alone exceed it', async () => {
    const layer = await addLayer('a');
    await tag('docker.io/library/a:1', [layer]);
    const result = await run({ maxBytes: 1000 });
    expect(store.has(layer.blob.digest)).toBe(true);
    expect(result.over).toBe(result.total - 1000);
  });
});

describe('interrupted and running builds', () => {
  it('removes temporary files and unfinished trees when nobody is at work', async () => {
    mkdirSync(join(root, 'tmp-v1'));
    writeFileSync(join(root, 'tmp-v1/1-abc'), 'x');
    const unfinished = addSnapshot('u', null);
    mkdirSync(join(root, 'snapshots-v1/orphan'));
    const result = await run();
    expect(result.removed.map((item) => item.reason)).toEqual(Array(3).fill('left behind by an interrupted build'));
    expect(readdirSync(join(root, 'tmp-v1'))).toEqual([]);
    expect(existsSync(join(root, 'snapshots-v1', unfinished))).toBe(false);
    expect(index.snapshots()).toEqual([]);
  });

  it('keeps what a running build made or looked at, and lets go when it is killed', async () => {
    const used = await addLayer('used', 5 * HOUR);
    const unused = await addLayer('unused', 5 * HOUR);
    const unfinished = addSnapshot('u', null);
    mkdirSync(join(root, 'tmp-v1'), { recursive: true });
    writeFileSync(join(root, 'tmp-v1/1-abc'), 'x');
    const kill = await beginBuild(used.blob.digest);

    await run({ all: true });
    expect([store.has(used.blob.digest), store.has(unused.blob.digest)]).toEqual([true, false]);
    expect(existsSync(join(root, 'snapshots-v1', unfinished))).toBe(true);
    expect(existsSync(join(root, 'tmp-v1/1-abc'))).toBe(true);

    await kill();
    await run({ all: true });
    expect(store.has(used.blob.digest)).toBe(false);
    expect(existsSync(join(root, 'snapshots-v1', unfinished))).toBe(false);
  });

  it('keeps what a build may rely on that begins while the store is pruned', async () => {
    const old = [addSnapshot('a', [diffIdOf('a')], HOUR), addSnapshot('b', [diffIdOf('b')], HOUR)];
    const recent = addSnapshot('r', [diffIdOf('r')]);
    const unfinished = addSnapshot('u', null);
    let kill: (() => Promise<void>) | undefined;
    const result = await run({
      maxBytes: 1,
      removeSnapshot: async (id) => {
        rmSync(join(root, 'snapshots-v1', id), { recursive: true });
        kill ??= await beginBuild(digestOf('nothing'));
      },
    });
    await kill?.();
    // What was left behind goes first, before the build began; then the least recently used.
    expect(result.removed.map(({ id }) => id)).toEqual([unfinished, ...old]);
    expect(readdirSync(join(root, 'snapshots-v1'))).toEqual([recent]);
  });

  it('keeps everything while a build runs that began before the clock was set back', async () => {
    const made = await addLayer('made', 5 * HOUR);
    const kill = await beginBuild(digestOf('nothing'));
    const [session = ''] = readdirSync(join(root, 'sessions-v1'));
    utimesSync(join(root, 'sessions-v1', session), Date.now() / 1000 + 3600, Date.now() / 1000 + 3600);
    expect((await run({ all: true })).removed).toEqual([]);
    await kill();
    await run({ all: true });
    expect(store.has(made.blob.digest)).toBe(false);
  });

  it('keeps the layers of an image that is tagged while the store is pruned', async () => {
    const layer = await addLayer('tagged', HOUR);
    addSnapshot('first to go', [diffIdOf('a')], 2 * HOUR);
    const result = await run({
      maxBytes: 1,
      removeSnapshot: async (id) => {
        rmSync(join(root, 'snapshots-v1', id), { recursive: true });
        await tag('docker.io/library/app:1', [layer]);
      },
    });
    expect(kindsOf(result)).toEqual({ snapshot: 1, toc: 1 });
    expect((await verifyStore(root)).map(({ type }) => type)).toEqual([]);
  });

  it('removes what was kept of a damaged index, of which verify says nothing', async () => {
    index.tags();
    index.close();
    writeFileSync(join(root, INDEX_FILE), 'no database'.repeat(1000));
    index.tags();
    const kept = (): string[] => readdirSync(join(root, 'index-v1')).filter((name) => name.includes('damaged'));
    expect(kept()).toHaveLength(1);
    expect(await verifyStore(root)).toEqual([]);
    expect((await run()).removed.map((item) => item.reason)).toEqual(['from an index that was replaced']);
    expect(kept()).toEqual([]);
  });

  it('removes trees with closed directories', async () => {
    const id = addSnapshot('u', [diffIdOf('x')]);
    chmodSync(join(root, 'snapshots-v1', id, 'fs'), 0o000);
    await run();
    expect(existsSync(join(root, 'snapshots-v1', id))).toBe(false);
  });

  it('asks the caller to remove trees when told how', async () => {
    const id = addSnapshot('u', [diffIdOf('x')]);
    const asked: string[] = [];
    await run({ removeSnapshot: async (snapshot) => void asked.push(snapshot) });
    expect(asked).toEqual([id]);
    expect(index.snapshots()).toEqual([]);
  });
});

describe('disk usage', () => {
  it('agrees with du, and tells what images use', async () => {
    const layer = await addLayer('kept');
    await addLayer('lost');
    await tag('docker.io/library/app:1', [layer]);
    addSnapshot('tree', [layer.diffId]);
    index.close();
    const usage = await diskUsage(root);
    const du = Number(spawnSync('du', ['-s', '--block-size=1', root], { encoding: 'utf8' }).stdout.split('\t')[0]);
    expect(Math.abs(usage.total - du) / du).toBeLessThan(0.02);
    const inUse = usage.items.filter((item) => item.inUse).map((item) => item.kind);
    expect(inUse.toSorted()).toEqual(['blob', 'blob', 'blob', 'snapshot', 'toc']);
    expect(usage.reclaimable).toBeLessThan(usage.total - MIB);
  });

  it('is nothing for a store that does not exist yet', async () => {
    const usage = await diskUsage(join(root, 'new'));
    expect(usage.items).toEqual([]);
  });
});

describe('verify', () => {
  const LISTED: FileEntry = { path: 'listed', type: 'symlink', mode: 0o777, uid: 0, gid: 0, size: 0, mtime: 0, link: '/' };

  async function damagedStore(): Promise<{ bad: Descriptor; key: CacheKey; dangling: CacheKey }> {
    const [bad, gone, fine] = [await addLayer('bad'), await addLayer('gone'), await addLayer('fine')];
    chmodSync(store.path(bad.blob.digest), 0o644);
    truncateSync(store.path(bad.blob.digest), 100);
    store.remove(gone.blob.digest);
    await tag('docker.io/library/broken:1', [gone]);
    await tag('docker.io/library/fine:1', [fine]);
    const toc = join(root, 'tocs-v1', fine.diffId.slice(7, 9), fine.diffId.slice(7));
    chmodSync(toc, 0o644);
    writeFileSync(toc, 'nonsense');
    addSnapshot('unfinished', null);
    now = Date.now();
    index.commitSnapshot(index.newSnapshot(), chainIdOf([diffIdOf('nowhere')]) as never, 1);
    index.close();
    return { bad: bad.blob, key: bad.key, dangling: gone.key };
  }

  it('finds everything that is wrong, and changes nothing', async () => {
    const { bad, dangling } = await damagedStore();
    const problems = await verifyStore(root);
    expect(problems.map((problem) => problem.type).toSorted()).toEqual([
      'abandoned-snapshot',
      'corrupt-blob',
      'corrupt-toc',
      'dangling-record',
      'incomplete-image',
      'lost-snapshot',
    ]);
    expect(problems.find((problem) => problem.type === 'corrupt-blob')?.id).toBe(bad.digest);
    expect(problems.find((problem) => problem.type === 'dangling-record')?.id).toBe(dangling);
    expect(problems.some((problem) => problem.repaired)).toBe(false);
    expect(lstatSync(store.path(bad.digest)).size).toBe(100);
  });

  it('repairs what can be made again, and is content afterwards', async () => {
    const { bad, key } = await damagedStore();
    await verifyStore(root, { repair: true });
    expect(store.has(bad.digest)).toBe(false);
    expect(index.record(key)).toBeNull();
    expect((await verifyStore(root)).map((problem) => problem.type)).toEqual(['incomplete-image']);
  });

  it('has nothing to say about what is pruned beside it', async () => {
    const layer = await addLayer('fine');
    await tag('docker.io/library/fine:1', [layer]);
    const id = addSnapshot('not as listed', [layer.diffId]);
    openFsTocStore(root).put(layer.diffId, { entries: [LISTED], identityFiles: {} });
    const doomed = [join(root, 'snapshots-v1', id), join(root, 'tocs-v1', layer.diffId.slice(7, 9), layer.diffId.slice(7))];
    expect((await verifyStore(root)).map(({ type }) => type)).toEqual(['damaged-snapshot']);
    const signal = new AbortController().signal;
    // Asked before each blob is read, which is after the store was listed.
    signal.throwIfAborted = () => {
      index.removeSnapshot(id);
      for (const path of doomed) rmSync(path, { recursive: true, force: true });
    };
    expect(await verifyStore(root, { signal })).toEqual([]);
  });

  it('has nothing to say about a sound store', async () => {
    const layer = await addLayer('fine');
    await tag('docker.io/library/fine:1', [layer]);
    expect(await verifyStore(root)).toEqual([]);
  });
});
