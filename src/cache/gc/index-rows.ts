// What gc does to the index: rows must not outlive what they describe.
import type { Digest } from '../../core/digest.ts';
import { dropOldEvictions, evictRecords } from '../evictions.ts';
import type { SqliteIndex } from '../sqlite-index.ts';

const DAY = 24 * 3_600_000;
/** Rows that only save time are dropped when they were not used for this long. */
const STALE = 30 * DAY;

/** Everything that says the blob is here. Records of the same step under other keys go with it. */
export function dropLayerRows(index: SqliteIndex, blob: Digest, by: string, now: number): void {
  index.transaction(() => {
    evictRecords(index.db, "json_valid(blob) AND json_extract(blob, '$.digest') = ?", [blob], by, now);
    index.db.run('DELETE FROM diff_ids WHERE blob = ?', blob);
  });
}

export function forgetAllRecords(index: SqliteIndex, by: string, now: number): void {
  index.transaction(() => {
    evictRecords(index.db, 'true', [], by, now);
    index.db.run('DELETE FROM aliases');
    forgetShortcuts(index);
  });
}

/** Rows without which builds have the same results, only more slowly or with less to say of a miss. */
export function forgetShortcuts(index: SqliteIndex): void {
  index.transaction(() => {
    for (const table of ['stat_dirs', 'facts', 'listings']) index.db.run(`DELETE FROM ${table}`);
  });
}

/** Aliases of nothing, expired facts, stale stat rows and locations. */
export function dropIndexRows(index: SqliteIndex, now: number): void {
  index.transaction(() => {
    index.db.run('DELETE FROM aliases WHERE target NOT IN (SELECT key FROM records)');
    dropOldEvictions(index.db, now);
    index.db.run('DELETE FROM facts WHERE expires <= ?', now);
    index.db.run('DELETE FROM stat_dirs WHERE last_used < ?', now - STALE);
    index.db.run('DELETE FROM locations WHERE seen < ?', now - STALE);
  });
}
