// A sqlite file of another version, or of another program, that lies where ours should be.
import { connect, enterWal, versionOf } from './sqlite-connection.ts';
import type { SqliteSchema } from './sqlite-database.ts';

/**
 * A sound file of another version becomes an empty one of ours, under its own locks: other processes, of
 * whichever version, never see it half done. A copy stays at `aside`. False when another process was faster.
 */
export function emptyInPlace(path: string, aside: string, schema: SqliteSchema): boolean {
  const db = connect(path);
  try {
    enterWal(db);
    db.exec('BEGIN IMMEDIATE');
    if (versionOf(db) === schema.version) return false;
    copyTo(path, aside);
    const restore = attempt(() => schema.salvage?.(db));
    const tables = db
      .prepare("SELECT type, name FROM sqlite_schema WHERE type IN ('table', 'view') AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\'")
      .all();
    for (const { type, name } of tables) db.exec(`DROP ${String(type)} "${String(name).replaceAll('"', '""')}"`);
    db.exec(`${schema.create}; PRAGMA user_version = ${schema.version}`);
    attempt(() => restore?.(db));
    db.exec('COMMIT');
    return true;
  } finally {
    db.close();
  }
}

/** Readers do not wait for the writer that holds the lock. */
function copyTo(path: string, aside: string): void {
  const reader = connect(path);
  try {
    reader.prepare('VACUUM INTO ?').run(aside);
  } finally {
    reader.close();
  }
}

/** Undefined when it fails: rows that cannot be read are not worth an error. */
function attempt<T>(body: () => T): T | undefined {
  try {
    return body();
  } catch {
    return undefined;
  }
}
