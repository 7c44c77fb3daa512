// Tables of index-v1/index.db. Digests are stored as text with their prefix so that the file can be
// read with any sqlite tool; times are milliseconds.
import type { DatabaseSync } from 'node:sqlite';
import type { SqliteSchema } from './sqlite-database.ts';

/** Every column of every table. */
export type IndexColumn =
  | 'key'
  | 'output_key'
  | 'below'
  | 'source'
  | 'time'
  | 'actor'
  | 'content'
  | 'packed'
  | 'diff_id'
  | 'blob'
  | 'created'
  | 'ingredients'
  | 'slot'
  | 'last_used'
  | 'target'
  | 'name'
  | 'seq'
  | 'descriptor'
  | 'repository'
  | 'seen'
  | 'chain_id'
  | 'size'
  | 'dir'
  | 'names'
  | 'numbers'
  | 'digests'
  | 'value'
  | 'expires';

const CREATE = `
CREATE TABLE records (
  key TEXT PRIMARY KEY, output_key TEXT NOT NULL, below TEXT, diff_id TEXT NOT NULL, blob TEXT NOT NULL, created INTEGER NOT NULL,
  ingredients TEXT NOT NULL, slot TEXT NOT NULL, last_used INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX records_slot ON records (slot, created);
CREATE TABLE aliases (key TEXT PRIMARY KEY, target TEXT NOT NULL, source TEXT, last_used INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE evictions (key TEXT PRIMARY KEY, slot TEXT NOT NULL, time INTEGER NOT NULL, actor TEXT NOT NULL) WITHOUT ROWID;
CREATE INDEX evictions_slot ON evictions (slot, time);
CREATE TABLE listings (seq INTEGER PRIMARY KEY AUTOINCREMENT, content TEXT NOT NULL UNIQUE, packed BLOB NOT NULL);
CREATE TABLE tags (name TEXT PRIMARY KEY, target TEXT NOT NULL, created INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE diff_ids (seq INTEGER PRIMARY KEY, blob TEXT NOT NULL UNIQUE, diff_id TEXT NOT NULL, descriptor TEXT NOT NULL);
CREATE INDEX diff_ids_diff_id ON diff_ids (diff_id);
CREATE TABLE locations (blob TEXT NOT NULL, repository TEXT NOT NULL, seen INTEGER NOT NULL, PRIMARY KEY (blob, repository)) WITHOUT ROWID;
CREATE TABLE snapshots (
  seq INTEGER PRIMARY KEY AUTOINCREMENT, chain_id TEXT UNIQUE, size INTEGER NOT NULL, last_used INTEGER NOT NULL
);
CREATE TABLE stat_dirs (dir BLOB PRIMARY KEY, names BLOB NOT NULL, numbers BLOB NOT NULL, digests BLOB NOT NULL, last_used INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE facts (name TEXT PRIMARY KEY, value TEXT NOT NULL, expires INTEGER NOT NULL) WITHOUT ROWID;
`;

/**
 * Snapshot ids go up for ever. They start at the time of creation in centiseconds, so that an index that
 * was begun anew does not hand out the names of directories that an older one left behind.
 */
const firstSnapshot = (): string => `INSERT INTO sqlite_sequence (name, seq) VALUES ('snapshots', ${Math.floor(Date.now() / 10)})`;

/** Tags are the one thing in the index that cannot be made again. */
function salvageTags(damaged: DatabaseSync): (fresh: DatabaseSync) => void {
  const rows: [string, string, number][] = [];
  try {
    for (const { name, target, created } of damaged.prepare('SELECT name, target, created FROM tags').iterate()) {
      if (typeof name === 'string' && typeof target === 'string' && typeof created === 'number') rows.push([name, target, created]);
    }
  } catch {
    // What came before the damaged page counts.
  }
  return (fresh) => {
    const insert = fresh.prepare('INSERT OR IGNORE INTO tags (name, target, created) VALUES (?, ?, ?)');
    for (const row of rows) insert.run(...row);
  };
}

export const indexSchema = (): SqliteSchema => ({
  version: 2,
  create: CREATE + firstSnapshot(),
  pragmas: 'PRAGMA synchronous = NORMAL',
  salvage: salvageTags,
});
