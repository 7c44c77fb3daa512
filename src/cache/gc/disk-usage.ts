// What is in a store and how much space it takes, for `tsbuild du`. Totals agree with `du -s`.
import { parseDigest } from '../../core/digest.ts';
import { openFsBlobStore } from '../fs-blob-store.ts';
import { openSqliteIndex, type SqliteIndexOptions } from '../sqlite-index.ts';
import { findReachable, type Reachable } from './reachable.ts';
import { type ItemKind, type StoreItem, scanStore } from './store-scan.ts';

export interface UsageItem {
  readonly kind: ItemKind;
  readonly id: string;
  /** Allocated bytes. */
  readonly size: number;
  /** Milliseconds. */
  readonly lastUsed: number;
  /** A tagged image uses it. */
  readonly inUse: boolean;
}

export interface DiskUsage {
  /** Largest first. */
  readonly items: readonly UsageItem[];
  /** Bytes of the whole store, index and directories included. */
  readonly total: number;
  /** What `prune --all` would free. */
  readonly reclaimable: number;
}

export async function diskUsage(root: string, options?: SqliteIndexOptions): Promise<DiskUsage> {
  const index = openSqliteIndex(root, options);
  try {
    const scan = scanStore(root, index);
    const reachable = await findReachable(
      index.tags().map((tag) => tag.target),
      openFsBlobStore(root),
    );
    const items = scan.items
      .map(({ kind, id, size, lastUsed, ...item }) => ({ kind, id, size, lastUsed, inUse: isInUse({ kind, id, ...item }, reachable) }))
      .sort((a, b) => b.size - a.size || (a.id < b.id ? -1 : 1));
    const reclaimable = items.reduce((sum, item) => (item.kind === 'blob' && item.inUse ? sum : sum + item.size), 0);
    return { items, total: scan.total, reclaimable };
  } finally {
    index.close();
  }
}

function isInUse(item: Pick<StoreItem, 'kind' | 'id' | 'chainId' | 'diffId'>, reachable: Reachable): boolean {
  if (item.kind === 'blob') return reachable.blobs.has(parseDigest(item.id));
  if (item.kind === 'snapshot') return item.chainId !== undefined && reachable.chainIds.has(item.chainId);
  return item.kind === 'toc' && item.diffId !== undefined && reachable.diffIds.has(item.diffId);
}
