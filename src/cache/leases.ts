// Single flight across processes: one builds a key while the others wait. A lease is a row in
// index-v1/leases.db, taken and taken over inside a write transaction, so two waiters never both
// inherit from a dead holder. A body that takes a lease itself does not wait: no deadlock can arise,
// and the worst that happens is that work is done twice.
import { AsyncLocalStorage } from 'node:async_hooks';
import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { isStopped, livenessOf, type ProcessIdentity, thisProcess } from './process-identity.ts';
import { SqliteDatabase, type SqliteSchema } from './sqlite-database.ts';
import { INDEX_DIR } from './store-layout.ts';

type LeaseColumn = 'key' | 'holder' | 'pid' | 'start' | 'namespace' | 'beat';

/** Losing leases in a power cut loses nothing, so nothing waits for the disk. */
const SCHEMA: SqliteSchema = {
  version: 1,
  create: `CREATE TABLE leases (key TEXT PRIMARY KEY, holder TEXT NOT NULL, pid INTEGER NOT NULL, start TEXT NOT NULL,
           namespace TEXT NOT NULL, beat INTEGER NOT NULL) WITHOUT ROWID`,
  pragmas: 'PRAGMA synchronous = OFF',
};

export const LEASES_FILE = join(INDEX_DIR, 'leases.db');
/** Milliseconds between signs of life, for holders whose process cannot be looked at. */
const BEAT = 10_000;
/** Without a sign of life for this long such a holder counts as dead. */
const EXPIRY = 60_000;
const FIRST_WAIT = 4;
const LONGEST_WAIT = 50;
/** Milliseconds of waiting for another process that need no explanation. */
const PATIENCE = 5_000;

const inside = new AsyncLocalStorage<true>();

type Body<T> = (waited: boolean) => Promise<T>;

export interface LeasesOptions {
  /** Told which process is waited for, once that takes longer than `patience` (milliseconds). */
  readonly onNotice?: (message: string) => void;
  readonly patience?: number;
}

/** The leases of this process in one store. Opened with the first one; `close` when none is held any more. */
export class Leases {
  readonly #db: SqliteDatabase<LeaseColumn>;
  /** In every row of ours. */
  readonly #holder = randomUUID();
  #self: ProcessIdentity | undefined;
  #held = 0;
  #heartbeat: NodeJS.Timeout | undefined;
  readonly #options: LeasesOptions;

  constructor(root: string, options: LeasesOptions = {}) {
    this.#options = options;
    this.#db = new SqliteDatabase(join(root, LEASES_FILE), SCHEMA, () => undefined);
  }

  /**
   * Runs `body` while holding `key`. Waits while a live process, this one included, holds it; aborting
   * `signal` ends the wait with its reason. `body` must look again whether the work is still needed: `waited`
   * tells whether somebody else may have done it.
   */
  async hold<T>(key: string, body: Body<T>, signal?: AbortSignal): Promise<T> {
    return inside.getStore() === true ? body(false) : this.holdInOrder(key, body, signal);
  }

  /**
   * As `hold`, but waits inside another lease too. For keys in an order: a body may wait only for keys
   * that come before its own, and never for a plain lease; then nobody can wait in a circle.
   */
  async holdInOrder<T>(key: string, body: Body<T>, signal?: AbortSignal): Promise<T> {
    signal?.throwIfAborted();
    const waited = await this.#acquire(key, signal);
    this.#held += 1;
    this.#heartbeat ??= setInterval(() => this.#beat(), BEAT).unref();
    try {
      return await inside.run(true, () => body(waited));
    } finally {
      this.#release(key);
    }
  }

  close(): void {
    clearInterval(this.#heartbeat);
    this.#heartbeat = undefined;
    this.#db.close();
  }

  async #acquire(key: string, signal: AbortSignal | undefined): Promise<boolean> {
    const { onNotice, patience = PATIENCE } = this.#options;
    const start = performance.now();
    const told = new Set<string>();
    for (let wait = FIRST_WAIT, waited = false; ; wait = Math.min(wait * 1.5, LONGEST_WAIT), waited = true) {
      // The plain read first keeps a crowd of waiters off the write lock.
      const holder = this.#holderOf(key);
      if (holder === null && this.#take(key)) return waited;
      const reason = holder === null || performance.now() - start < patience ? null : reasonToWait(holder);
      if (reason !== null && !told.has(reason)) onNotice?.(reason);
      if (reason !== null) told.add(reason);
      await sleep(wait, undefined, signal === undefined ? {} : { signal }).catch((error: unknown) => {
        signal?.throwIfAborted();
        throw error;
      });
    }
  }

  /** Null when nobody alive holds it. */
  #holderOf(key: string): ProcessIdentity | null {
    const row = this.#db.get('SELECT * FROM leases WHERE key = ?', key);
    if (row === undefined) return null;
    const holder = { pid: Number(row.pid), start: String(row.start), namespace: String(row.namespace) };
    const liveness = livenessOf(holder);
    const dead = liveness === 'dead' || (liveness === 'unknown' && Date.now() - Number(row.beat) > EXPIRY);
    return dead ? null : holder;
  }

  /** False when another waiter was faster. */
  #take(key: string): boolean {
    this.#self ??= thisProcess();
    const { pid, start, namespace } = this.#self;
    return this.#db.transaction(() => {
      if (this.#holderOf(key) !== null) return false;
      const sql = 'INSERT OR REPLACE INTO leases (key, holder, pid, start, namespace, beat) VALUES (?, ?, ?, ?, ?, ?)';
      this.#db.run(sql, key, this.#holder, pid, start, namespace, Date.now());
      return true;
    });
  }

  /** Errors are swallowed: a missed beat matters only to other namespaces, and the next one may come through. */
  #beat(): void {
    try {
      this.#db.run('UPDATE leases SET beat = ? WHERE holder = ?', Date.now(), this.#holder);
    } catch {
      // See above.
    }
  }

  /** A lease that cannot be given back dies with this process, so it must not spoil the result of the body. */
  #release(key: string): void {
    this.#held -= 1;
    if (this.#held === 0) {
      clearInterval(this.#heartbeat);
      this.#heartbeat = undefined;
    }
    try {
      this.#db.run('DELETE FROM leases WHERE key = ? AND holder = ?', key, this.#holder);
    } catch {
      // See above.
    }
  }
}

/** Null for work of this process, which says itself what it does. */
function reasonToWait(holder: ProcessIdentity): string | null {
  if (livenessOf(holder) === 'unknown') return 'waiting for a process of another container, which does the same work';
  if (holder.pid === process.pid) return null;
  return isStopped(holder)
    ? `waiting for process ${holder.pid}, which does the same work but is stopped: continue it (kill -CONT ${holder.pid}) or end it`
    : `waiting for process ${holder.pid}, which does the same work`;
}
