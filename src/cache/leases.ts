// Single flight across processes: one builds a key while the others wait. A lease is a row in
// index-v1/leases.db, taken and taken over inside a write transaction, so two waiters never both
// inherit from a dead holder. A body that takes a lease itself does not wait: no deadlock can arise,
// and the worst that happens is that work is done twice.
import { AsyncLocalStorage } from 'node:async_hooks';
import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { livenessOf, type ProcessIdentity, thisProcess } from './process-identity.ts';
import { type Row, SqliteDatabase, type SqliteSchema } from './sqlite-database.ts';

type LeaseColumn = 'key' | 'holder' | 'pid' | 'start' | 'namespace' | 'beat';
type Database = SqliteDatabase<LeaseColumn>;

/** Losing leases in a power cut loses nothing, so nothing waits for the disk. */
const SCHEMA: SqliteSchema = {
  version: 1,
  create: `CREATE TABLE leases (key TEXT PRIMARY KEY, holder TEXT NOT NULL, pid INTEGER NOT NULL, start TEXT NOT NULL,
           namespace TEXT NOT NULL, beat INTEGER NOT NULL) WITHOUT ROWID`,
  pragmas: 'PRAGMA synchronous = OFF',
};

export const LEASES_FILE = join('index-v1', 'leases.db');
/** Milliseconds between signs of life, for holders whose process cannot be looked at. */
const BEAT = 10_000;
/** Without a sign of life for this long such a holder counts as dead. */
const EXPIRY = 60_000;
const FIRST_WAIT = 4;
const LONGEST_WAIT = 50;

const inside = new AsyncLocalStorage<true>();

/**
 * Runs `body` while holding `key` in the store at `root`. Waits while a live process, this one
 * included, holds it; aborting `signal` ends the wait with its reason. `body` must look again whether
 * the work is still needed: `waited` tells whether somebody else may have done it.
 */
export async function withLease<T>(root: string, key: string, body: (waited: boolean) => Promise<T>, signal?: AbortSignal): Promise<T> {
  if (inside.getStore() === true) return body(false);
  return holding(root, key, body, signal);
}

/**
 * As `withLease`, but waits inside another lease too. For keys in an order: a body may wait only for keys
 * that come before its own, and never for a plain lease; then nobody can wait in a circle.
 */
export function withOrderedLease<T>(root: string, key: string, body: (waited: boolean) => Promise<T>, signal?: AbortSignal): Promise<T> {
  return holding(root, key, body, signal);
}

async function holding<T>(root: string, key: string, body: (waited: boolean) => Promise<T>, signal?: AbortSignal): Promise<T> {
  signal?.throwIfAborted();
  const db: Database = new SqliteDatabase(join(root, LEASES_FILE), SCHEMA, () => undefined);
  const holder = randomUUID();
  const self = thisProcess();
  let held = false;
  let heartbeat: NodeJS.Timeout | undefined;
  try {
    const waited = await acquire(db, key, holder, self, signal);
    held = true;
    heartbeat = setInterval(() => beat(db, key, holder), BEAT).unref();
    return await inside.run(true, () => body(waited));
  } finally {
    clearInterval(heartbeat);
    release(db, key, holder, held);
  }
}

async function acquire(db: Database, key: string, holder: string, self: ProcessIdentity, signal?: AbortSignal): Promise<boolean> {
  for (let wait = FIRST_WAIT, waited = false; ; wait = Math.min(wait * 1.5, LONGEST_WAIT), waited = true) {
    // The plain read first keeps a crowd of waiters off the write lock.
    const current = db.get('SELECT * FROM leases WHERE key = ?', key);
    if ((current === undefined || isDead(current)) && take(db, key, holder, self)) return waited;
    await sleep(wait, undefined, signal === undefined ? {} : { signal }).catch((error: unknown) => {
      signal?.throwIfAborted();
      throw error;
    });
  }
}

/** False when another waiter was faster. */
function take(db: Database, key: string, holder: string, self: ProcessIdentity): boolean {
  return db.transaction(() => {
    const current = db.get('SELECT * FROM leases WHERE key = ?', key);
    if (current !== undefined && !isDead(current)) return false;
    db.run(
      'INSERT OR REPLACE INTO leases (key, holder, pid, start, namespace, beat) VALUES (?, ?, ?, ?, ?, ?)',
      key,
      holder,
      self.pid,
      self.start,
      self.namespace,
      Date.now(),
    );
    return true;
  });
}

function isDead(row: Row<LeaseColumn>): boolean {
  const liveness = livenessOf({ pid: Number(row.pid), start: String(row.start), namespace: String(row.namespace) });
  return liveness === 'dead' || (liveness === 'unknown' && Date.now() - Number(row.beat) > EXPIRY);
}

/** Errors are swallowed: a missed beat matters only to other namespaces, and the next one may come through. */
function beat(db: Database, key: string, holder: string): void {
  try {
    db.run('UPDATE leases SET beat = ? WHERE key = ? AND holder = ?', Date.now(), key, holder);
  } catch {
    // See above.
  }
}

/** A lease that cannot be given back dies with this process, so it must not spoil the result of the body. */
function release(db: Database, key: string, holder: string, held: boolean): void {
  try {
    if (held) db.run('DELETE FROM leases WHERE key = ? AND holder = ?', key, holder);
    db.close();
  } catch {
    // See above.
  }
}
