// Everything that lies in a store, as items with size and last use. What the index knows about them is
// joined in; the disk decides what exists.
import { lstatSync, readdirSync, rmdirSync } from 'node:fs';
import { join } from 'node:path';
import { type ChainId, type DiffId, type Digest, isDigest, parseDiffId, parseDigest } from '../../core/digest.ts';
import { errnoOf } from '../../core/errors.ts';
import type { SnapshotRow } from '../build-index.ts';
import { isSetAside } from '../sqlite-database.ts';
import type { SqliteIndex } from '../sqlite-index.ts';
import { storeError } from '../store-errors.ts';
import {
  BLOBS_DIR,
  CACHE_MOUNTS_DIR,
  GIT_DIR,
  INDEX_DIR,
  LOGS_DIR,
  RESERVE_FILE,
  SESSIONS_DIR,
  SNAPSHOTS_DIR,
  TEMP_DIR,
  TOCS_DIR,
} from '../store-layout.ts';
import { allocated, treeSize } from './tree-size.ts';

export type ItemKind = 'blob' | 'snapshot' | 'toc' | 'cache-mount' | 'git' | 'temp';

export interface StoreItem {
  readonly kind: ItemKind;
  /** Digest, diffID, or directory name. */
  readonly id: string;
  readonly path: string;
  /** Allocated bytes. */
  readonly size: number;
  /** Milliseconds. */
  readonly lastUsed: number;
  /** For blobs that are layers and for TOCs. */
  readonly diffId?: DiffId;
  /** For snapshots that are finished. */
  readonly chainId?: ChainId;
}

export interface StoreScan {
  readonly items: readonly StoreItem[];
  /** Snapshot rows whose directory is gone. */
  readonly lostSnapshots: readonly SnapshotRow[];
  /** Bytes of everything in the store, items and the rest (index, directories). */
  readonly total: number;
}

export function scanStore(root: string, index: SqliteIndex): StoreScan {
  const uses = recordUses(index);
  const blobs = [...scanBlobs(root, index, uses)];
  const snapshots = scanSnapshots(root, index);
  const items = [
    ...blobs,
    ...snapshots.items,
    ...scanTocs(root, blobs, uses),
    ...scanCacheMounts(root),
    ...scanGit(root),
    ...scanTemp(root),
  ];
  const databases = namesOf(join(root, INDEX_DIR)).filter((name) => !isSetAside(name));
  const rest = [...databases.map((name) => join(INDEX_DIR, name)), SESSIONS_DIR, RESERVE_FILE].reduce(
    (sum, name) => sum + (treeSize(join(root, name)) ?? 0),
    0,
  );
  const total = items.reduce((sum, item) => sum + item.size, rest + directoryOverhead(root));
  return { items, lostSnapshots: snapshots.lost, total };
}

interface RecordUses {
  readonly byBlob: ReadonlyMap<string, number>;
  readonly byDiffId: ReadonlyMap<string, number>;
}

/** A layer was last used when one of its records was. */
function recordUses(index: SqliteIndex): RecordUses {
  const byBlob = new Map<string, number>();
  const byDiffId = new Map<string, number>();
  const raise = (map: Map<string, number>, key: unknown, time: unknown): void => {
    if (typeof key === 'string') map.set(key, Math.max(map.get(key) ?? 0, Number(time)));
  };
  for (const row of index.db.all("SELECT json_extract(blob, '$.digest') AS blob, diff_id, last_used FROM records WHERE json_valid(blob)")) {
    raise(byBlob, row.blob, row.last_used);
    raise(byDiffId, row.diff_id, row.last_used);
  }
  return { byBlob, byDiffId };
}

function* scanBlobs(root: string, index: SqliteIndex, uses: RecordUses): Generator<StoreItem> {
  const diffIds = new Map<string, unknown>(
    index.db.all('SELECT blob, diff_id FROM diff_ids').map((row) => [String(row.blob), row.diff_id]),
  );
  for (const { hex, path } of hexFiles(join(root, BLOBS_DIR, 'sha256'))) {
    const stats = lstatSync(path, { throwIfNoEntry: false });
    if (stats === undefined) continue;
    const id: Digest = parseDigest(`sha256:${hex}`);
    const diffId = diffIds.get(id);
    const lastUsed = Math.max(stats.mtimeMs, uses.byBlob.get(id) ?? 0);
    const known = typeof diffId === 'string' && isDigest(diffId) ? { diffId: parseDiffId(diffId) } : {};
    yield { kind: 'blob', id, path, size: allocated(stats), lastUsed, ...known };
  }
}

/** Tables of contents live as long as their layers. */
function* scanTocs(root: string, blobs: readonly StoreItem[], uses: RecordUses): Generator<StoreItem> {
  const byLayer = new Map<string, number>();
  for (const { diffId, lastUsed } of blobs) if (diffId !== undefined) byLayer.set(diffId, Math.max(byLayer.get(diffId) ?? 0, lastUsed));
  for (const { hex, path } of hexFiles(join(root, TOCS_DIR))) {
    const stats = lstatSync(path, { throwIfNoEntry: false });
    if (stats === undefined) continue;
    const diffId = parseDiffId(`sha256:${hex}`);
    const lastUsed = Math.max(stats.mtimeMs, byLayer.get(diffId) ?? 0, uses.byDiffId.get(diffId) ?? 0);
    yield { kind: 'toc', id: diffId, path, size: allocated(stats), lastUsed, diffId };
  }
}

function scanSnapshots(root: string, index: SqliteIndex): { readonly items: StoreItem[]; readonly lost: SnapshotRow[] } {
  const rows = new Map(index.snapshots().map((row) => [row.id, row]));
  const uses = new Map<string, unknown>(
    index.db.all('SELECT seq, last_used FROM snapshots').map((row) => [Number(row.seq).toString(36), row.last_used]),
  );
  const items: StoreItem[] = [];
  for (const id of namesOf(join(root, SNAPSHOTS_DIR))) {
    const path = join(root, SNAPSHOTS_DIR, id);
    const row = rows.get(id);
    rows.delete(id);
    const size = treeSize(path) ?? row?.size ?? 0;
    // Without a row only ctime tells how old a tree is: its mtime comes from the layer.
    const lastUsed = row === undefined ? (lstatSync(path, { throwIfNoEntry: false })?.ctimeMs ?? 0) : Number(uses.get(id));
    items.push({ kind: 'snapshot', id, path, size, lastUsed, ...(row?.chainId ? { chainId: row.chainId } : {}) });
  }
  return { items, lost: [...rows.values()] };
}

function* scanCacheMounts(root: string): Generator<StoreItem> {
  for (const id of namesOf(join(root, CACHE_MOUNTS_DIR))) {
    const path = join(root, CACHE_MOUNTS_DIR, id);
    const times = [path, ...namesOf(path).map((name) => join(path, name))].map(
      (each) => lstatSync(each, { throwIfNoEntry: false })?.mtimeMs ?? 0,
    );
    yield { kind: 'cache-mount', id, path, size: treeSize(path) ?? 0, lastUsed: Math.max(...times) };
  }
}

/** Builds set the time of a repository that they use. */
function* scanGit(root: string): Generator<StoreItem> {
  for (const id of namesOf(join(root, GIT_DIR))) {
    const path = join(root, GIT_DIR, id);
    const stats = lstatSync(path, { throwIfNoEntry: false });
    if (stats !== undefined) yield { kind: 'git', id, path, size: treeSize(path) ?? 0, lastUsed: stats.mtimeMs };
  }
}

/** Half-written files, logs of failed steps, and databases that were set aside for new ones. */
function* scanTemp(root: string): Generator<StoreItem> {
  for (const directory of [TEMP_DIR, LOGS_DIR, INDEX_DIR]) {
    for (const id of namesOf(join(root, directory))) {
      if (directory === INDEX_DIR && !isSetAside(id)) continue;
      const path = join(root, directory, id);
      const stats = lstatSync(path, { throwIfNoEntry: false });
      if (stats !== undefined) yield { kind: 'temp', id, path, size: treeSize(path) ?? 0, lastUsed: stats.mtimeMs };
    }
  }
}

function* hexFiles(directory: string): Generator<{ readonly hex: string; readonly path: string }> {
  for (const prefix of namesOf(directory)) {
    for (const hex of namesOf(join(directory, prefix))) {
      if (isDigest(`sha256:${hex}`) && hex.startsWith(prefix)) yield { hex, path: join(directory, prefix, hex) };
    }
  }
}

/** Directories of files by the first two digits of their digest. */
function fanOutOf(root: string): readonly string[] {
  return [join(root, BLOBS_DIR, 'sha256'), join(root, TOCS_DIR)].flatMap((parent) => namesOf(parent).map((name) => join(parent, name)));
}

/** Directories whose last file was removed take a block each, up to 2 MiB in all. Writers make them again. */
export function removeEmptyDirectories(root: string): void {
  for (const directory of fanOutOf(root)) {
    try {
      rmdirSync(directory);
    } catch {
      // It holds files, or is not ours to remove.
    }
  }
}

/** Blocks of the directories that hold items, as `du` counts them. */
function directoryOverhead(root: string): number {
  const parents = [
    root,
    ...[BLOBS_DIR, TEMP_DIR, LOGS_DIR, SNAPSHOTS_DIR, CACHE_MOUNTS_DIR, GIT_DIR, INDEX_DIR].map((name) => join(root, name)),
    join(root, BLOBS_DIR, 'sha256'),
    join(root, TOCS_DIR),
  ];
  return [...parents, ...fanOutOf(root)].reduce((sum, path) => {
    const stats = lstatSync(path, { throwIfNoEntry: false });
    return stats?.isDirectory() ? sum + allocated(stats) : sum;
  }, 0);
}

function namesOf(directory: string): string[] {
  try {
    return readdirSync(directory);
  } catch (error) {
    const errno = errnoOf(error);
    if (errno === 'ENOENT' || errno === 'ENOTDIR') return [];
    throw storeError(error, 'read', directory);
  }
}
