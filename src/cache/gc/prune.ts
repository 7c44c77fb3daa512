// Frees space in a store. Tagged images are never touched; everything else is cache and goes by need:
// what no image uses, or least recently used first until the store obeys a byte cap.
import { lstatSync } from 'node:fs';
import { parseDigest } from '../../core/digest.ts';
import { isSetAside } from '../sqlite-database.ts';
import { openSqliteIndex, type SqliteIndex, type SqliteIndexOptions } from '../sqlite-index.ts';
import { dropIndexRows, dropLayerRows, forgetAllRecords, forgetShortcuts } from './index-rows.ts';
import type { Reachable } from './reachable.ts';
import { type ItemKind, removeEmptyDirectories, type StoreItem, type StoreScan, scanStore } from './store-scan.ts';
import { StoreUse } from './store-use.ts';
import { removeTree } from './tree-size.ts';

export interface PruneOptions extends Pick<SqliteIndexOptions, 'onNotice'> {
  /** Also cache that tagged images use: their snapshots, tables of contents and build records; and cache mounts. */
  readonly all?: boolean;
  /** Bytes the store may have; least recently used cache goes first until it does. Replaces `all` as the measure. */
  readonly maxBytes?: number;
  /** Cap only: stop once the store has this many bytes or fewer, even when `maxBytes` is smaller. */
  readonly reservedBytes?: number;
  readonly filters?: {
    /** Only what was not used for this many milliseconds. */
    readonly unusedFor?: number;
    readonly kinds?: readonly ItemKind[];
  };
  /** Report, remove nothing. */
  readonly dryRun?: boolean;
  /** Removes an unpacked tree that may hold files of other owners; default: as this user. */
  readonly removeSnapshot?: (id: string) => Promise<void>;
  /** Milliseconds; for tests. */
  readonly now?: number;
}

export interface PrunedItem {
  /** 'index': rows of the index that only save time. */
  readonly kind: ItemKind | 'index';
  readonly id: string;
  readonly size: number;
  readonly lastUsed: number;
  /** Why it went, in words. */
  readonly reason: string;
}

export interface PruneResult {
  readonly removed: readonly PrunedItem[];
  readonly freed: number;
  /** Bytes in the store afterwards. */
  readonly total: number;
  /**
   * Bytes over `maxBytes`, or over `reservedBytes` where that is more, that could not be freed: tagged images, what
   * running builds use, and what a store needs at least.
   */
  readonly over: number;
}

interface Doomed {
  readonly item: StoreItem;
  readonly reason: string;
}

/** Errors are those of the disk; an item that cannot be removed stops nothing before it. */
export async function prune(root: string, options: PruneOptions = {}): Promise<PruneResult> {
  const { onNotice = () => undefined } = options;
  let wasReplaced = false;
  const index = openSqliteIndex(root, {
    onNotice: (message) => {
      wasReplaced = true;
      onNotice(message);
    },
  });
  try {
    const use = new StoreUse(root, index);
    await use.look();
    const cap = capOf(options);
    if (wasReplaced) {
      // Names that were lost with it would make garbage of their images.
      onNotice('nothing is removed this time: tag images again whose names were lost, then prune again');
      const { total } = scanStore(root, index);
      return { removed: [], freed: 0, total, over: Math.max(0, total - (cap ?? total)) };
    }
    // Free pages of the index and empty directories must not cost a layer.
    if (cap !== undefined && options.dryRun !== true && use.alone) compact(root, index);
    const scan = scanStore(root, index);
    await use.look();
    const removed: PrunedItem[] = [];
    for (const { item, reason } of choose(scan, use, options)) {
      if (options.dryRun !== true) {
        await use.look();
        if (!use.allowsRemovalOf(item, options.now ?? Date.now()) || !(await remove(item, index, options))) continue;
      }
      removed.push({ kind: item.kind, id: item.id, size: item.size, lastUsed: item.lastUsed, reason });
    }
    let total = scan.total - sizeOf(removed);
    if (options.dryRun !== true) {
      tidyIndex(index, scan, options, use.alone);
      if (use.alone) compact(root, index);
      total = scanStore(root, index).total;
      if (cap !== undefined && total > cap && use.alone) {
        removed.push(...shrinkIndex(root, index, total, cap));
        total = scanStore(root, index).total;
      }
    }
    return { removed, freed: sizeOf(removed), total, over: Math.max(0, total - (cap ?? total)) };
  } finally {
    index.close();
  }
}

const sizeOf = (items: readonly PrunedItem[]): number => items.reduce((sum, { size }) => sum + size, 0);

const capOf = ({ maxBytes, reservedBytes = 0 }: PruneOptions): number | undefined =>
  maxBytes === undefined ? undefined : Math.max(maxBytes, reservedBytes);

function choose(scan: StoreScan, use: StoreUse, options: PruneOptions): Doomed[] {
  const now = options.now ?? Date.now();
  const { unusedFor = 0, kinds } = options.filters ?? {};
  const free = scan.items.filter((item) => use.allowsRemovalOf(item, now));
  const garbage = free
    .filter((item) => isGarbage(item))
    .map((item) => ({ item, reason: isSetAside(item.id) ? 'from an index that was replaced' : 'left behind by an interrupted build' }));
  const candidates = free
    .filter((item) => !isGarbage(item) && (kinds === undefined || kinds.includes(item.kind)) && now - item.lastUsed >= unusedFor)
    .sort((a, b) => a.lastUsed - b.lastUsed || (a.id < b.id ? -1 : 1));
  const cap = capOf(options);
  if (cap === undefined) return [...garbage, ...unused(candidates, use.reachable, options)];
  const start = scan.total - garbage.reduce((sum, { item }) => sum + item.size, 0);
  return [...garbage, ...leastRecentlyUsed(candidates, start, cap)];
}

const isGarbage = (item: StoreItem): boolean => item.kind === 'temp' || (item.kind === 'snapshot' && item.chainId === undefined);

function unused(candidates: readonly StoreItem[], reachable: Reachable, options: PruneOptions): Doomed[] {
  const explicit = new Set(options.filters?.kinds);
  return candidates.flatMap((item) => {
    if (!isUsed(item, reachable)) return [{ item, reason: 'no tagged image uses it' }];
    if (options.all === true || explicit.has(item.kind)) return [{ item, reason: 'cache, and all cache was asked for' }];
    return [];
  });
}

/** Cache mounts belong to no image; without being asked for they stay. */
function isUsed(item: StoreItem, reachable: Reachable): boolean {
  if (item.kind === 'cache-mount') return true;
  if (item.kind === 'snapshot') return item.chainId !== undefined && reachable.chainIds.has(item.chainId);
  if (item.kind === 'toc') return item.diffId !== undefined && reachable.diffIds.has(item.diffId);
  return false;
}

function leastRecentlyUsed(candidates: readonly StoreItem[], start: number, cap: number): Doomed[] {
  const doomed: Doomed[] = [];
  let total = start;
  for (const item of candidates) {
    if (total <= cap) break;
    doomed.push({
      item,
      reason: `least recently used (${new Date(item.lastUsed).toISOString().slice(0, 16)}Z), store over its limit of ${cap} bytes`,
    });
    total -= item.size;
  }
  return doomed;
}

/** False when it was used since it was chosen, or is gone already. Index rows go first: they must never point at nothing. */
async function remove(item: StoreItem, index: SqliteIndex, options: PruneOptions): Promise<boolean> {
  const stats = lstatSync(item.path, { throwIfNoEntry: false });
  if (stats === undefined) return false;
  if ((item.kind === 'blob' || item.kind === 'toc') && stats.mtimeMs > item.lastUsed) return false;
  if (item.kind === 'blob') dropLayerRows(index, parseDigest(item.id), 'prune', options.now ?? Date.now());
  if (item.kind === 'snapshot') {
    if (item.chainId !== undefined && wasUsedSince(index, item)) return false;
    index.removeSnapshot(item.id);
    if (options.removeSnapshot !== undefined) {
      await options.removeSnapshot(item.id);
      return true;
    }
  }
  removeTree(item.path);
  return true;
}

const wasUsedSince = (index: SqliteIndex, item: StoreItem): boolean =>
  Number(index.db.get('SELECT last_used FROM snapshots WHERE chain_id = ?', item.chainId ?? '')?.last_used ?? 0) > item.lastUsed;

function tidyIndex(index: SqliteIndex, scan: StoreScan, options: PruneOptions, alone: boolean): void {
  for (const row of scan.lostSnapshots) if (alone || row.chainId !== null) index.removeSnapshot(row.id);
  const { unusedFor, kinds } = options.filters ?? {};
  if (options.all === true && options.maxBytes === undefined && unusedFor === undefined && kinds === undefined && alone)
    forgetAllRecords(index, 'prune', options.now ?? Date.now());
  dropIndexRows(index, options.now ?? Date.now());
}

/** Gives back what is allocated and holds nothing; only while no build is at work. */
function compact(root: string, index: SqliteIndex): void {
  index.db.compact();
  removeEmptyDirectories(root);
}

/** The last resort of a cap: what the index knows of context files can be as large as a layer. */
function shrinkIndex(root: string, index: SqliteIndex, before: number, cap: number): PrunedItem[] {
  forgetShortcuts(index);
  index.db.compact();
  const size = before - scanStore(root, index).total;
  const reason = `what only saves time, store over its limit of ${cap} bytes`;
  return size > 0 ? [{ kind: 'index', id: 'index.db', size, lastUsed: 0, reason }] : [];
}
