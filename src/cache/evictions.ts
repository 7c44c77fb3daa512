// What was removed from the index and when, so that a later miss can say so. Bounded in age and number.
import type { CacheKey } from '../core/digest.ts';
import type { Eviction } from './build-index.ts';
import type { IndexColumn } from './index-schema.ts';
import type { SqliteDatabase } from './sqlite-database.ts';

type Database = SqliteDatabase<IndexColumn>;

/** Milliseconds: older news interest nobody. */
const KEEP = 30 * 24 * 3_600_000;
const MOST = 10_000;

export function findEviction(db: Database, of: { readonly key: CacheKey } | { readonly slot: string }): Eviction | null {
  const row =
    'key' in of
      ? db.get('SELECT time, actor FROM evictions WHERE key = ?', of.key)
      : db.get('SELECT time, actor FROM evictions WHERE slot = ? ORDER BY time DESC LIMIT 1', of.slot);
  return row === undefined ? null : { time: Number(row.time), by: String(row.actor) };
}

/** Removes the records that `where` chooses and notes that they were here. */
export function evictRecords(db: Database, where: string, values: readonly string[], by: string, now: number): void {
  db.run(
    `INSERT OR REPLACE INTO evictions (key, slot, time, actor) SELECT key, slot, ?, ? FROM records WHERE ${where}`,
    Math.trunc(now),
    by,
    ...values,
  );
  db.run(`DELETE FROM records WHERE ${where}`, ...values);
}

export function dropOldEvictions(db: Database, now: number): void {
  db.run('DELETE FROM evictions WHERE time < ? OR key IN (SELECT key FROM records)', now - KEEP);
  db.run('DELETE FROM evictions WHERE key IN (SELECT key FROM evictions ORDER BY time DESC LIMIT -1 OFFSET ?)', MOST);
}
