// Packed listings of what was selected when a layer was made, by content key. Only good for saying
// which file changed, so the oldest go when together they take more than their share.
import type { ContentKey } from '../core/digest.ts';
import type { IndexColumn } from './index-schema.ts';
import type { SqliteDatabase } from './sqlite-database.ts';

type Database = SqliteDatabase<IndexColumn>;

/** Bytes of all listings together. */
const MOST = 32 * 1024 * 1024;

export function loadListing(db: Database, content: ContentKey): Uint8Array | null {
  const packed = db.get('SELECT packed FROM listings WHERE content = ?', content)?.packed;
  return packed instanceof Uint8Array ? packed : null;
}

export function storeListing(db: Database, content: ContentKey, packed: Uint8Array): void {
  db.transaction(() => {
    db.run('INSERT OR REPLACE INTO listings (content, packed) VALUES (?, ?)', content, packed);
    db.run(
      `DELETE FROM listings WHERE seq <= (
         SELECT seq FROM (SELECT seq, sum(length(packed)) OVER (ORDER BY seq DESC) AS total FROM listings) WHERE total > ? ORDER BY seq DESC LIMIT 1)`,
      MOST,
    );
  });
}
