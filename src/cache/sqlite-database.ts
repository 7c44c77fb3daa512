// One sqlite file shared by all processes: opened at first use, statements prepared once, errors
// mapped to ours. A damaged or foreign file is replaced by an empty one and kept aside, because
// everything in it can be made again; what can be saved is copied over by the owner of the schema.
import { closeSync, constants, existsSync, openSync, renameSync } from 'node:fs';
import { dirname } from 'node:path';
import type { DatabaseSync, SQLInputValue, StatementSync } from 'node:sqlite';
import { errnoOf, messageOf, TsbuildError } from '../core/errors.ts';
import { emptyInPlace } from './foreign-database.ts';
import { isFull } from './space-reserve.ts';
import { BUSY_TIMEOUT, connect, enterWal, inodeOf, resultCode, versionOf } from './sqlite-connection.ts';
import { storeError } from './store-errors.ts';

/** A row as sqlite gave it: nothing in the file is believed before it is checked. */
export type Row<Column extends string> = { readonly [C in Column]?: unknown };

export interface SqliteSchema {
  /** Kept in `user_version`; a file with another one is treated as foreign. */
  readonly version: number;
  readonly create: string;
  /** Runs on every connection. */
  readonly pragmas: string;
  /** Reads what is worth keeping, and returns what writes it into the new file; both may throw. */
  salvage?(damaged: DatabaseSync): (fresh: DatabaseSync) => void;
}

/** Primary result codes of sqlite (https://sqlite.org/rescode.html). */
const BUSY = new Set([5, 6]);
const READ_ONLY = new Set([3, 8, 14, 23]);
const DAMAGED = new Set([11, 26]);
/** Among others, a table or column that is not there. */
const ERROR = 1;
const FULL = 13;
/** Says only that the system refused something, be it for lack of space. */
const IO = 10;

const ASIDE = '.damaged-';

/** Whether a file beside a database is a copy that was kept when it was replaced. */
export const isSetAside = (name: string): boolean => name.includes(ASIDE);

export class SqliteDatabase<Column extends string> {
  readonly path: string;
  readonly #schema: SqliteSchema;
  readonly #onNotice: (message: string) => void;
  readonly #statements = new Map<string, StatementSync>();
  #db: DatabaseSync | undefined;
  /** Of the file that was opened last. */
  #inode: bigint | undefined;
  #depth = 0;

  constructor(path: string, schema: SqliteSchema, onNotice: (message: string) => void) {
    this.path = path;
    this.#schema = schema;
    this.#onNotice = onNotice;
  }

  get(sql: string, ...values: SQLInputValue[]): Row<Column> | undefined {
    return this.#attempt(() => this.#prepare(sql).get(...values) as Row<Column> | undefined);
  }

  all(sql: string, ...values: SQLInputValue[]): Row<Column>[] {
    return this.#attempt(() => this.#prepare(sql).all(...values) as Row<Column>[]);
  }

  /** Number of rows changed. */
  run(sql: string, ...values: SQLInputValue[]): number {
    return this.#attempt(() => Number(this.#prepare(sql).run(...values).changes));
  }

  /** Takes the write lock at once, so that no transaction fails half way for lack of it. Nested calls join the outer one. */
  transaction<T>(body: () => T): T {
    if (this.#depth > 0) return body();
    return this.#attempt(() => {
      const db = this.#open();
      db.exec('BEGIN IMMEDIATE');
      this.#depth = 1;
      try {
        // Under the lock: nobody can change it before the body is done.
        if (this.#isForeign(db)) throw new ForeignFile();
        const result = body();
        db.exec('COMMIT');
        return result;
      } catch (error) {
        // A failed COMMIT or a full disk may have rolled back already.
        if (db.isTransaction) db.exec('ROLLBACK');
        throw error;
      } finally {
        this.#depth = 0;
      }
    });
  }

  /** Lets go of a file that another process found damaged and moved aside: what is written to it is lost. */
  followReplacement(): void {
    if (this.#db !== undefined && this.#depth === 0 && inodeOf(this.path) !== this.#inode) this.close();
  }

  /** Another number after another connection has written. */
  revision(): number {
    return this.#attempt(() => Number(this.#open().prepare('PRAGMA data_version').get()?.['data_version']));
  }

  /** Gives free pages and the write-ahead log back to the file system; does nothing while others use the file. */
  compact(): void {
    this.#attempt(() => {
      const db = this.#open();
      try {
        if (Number(db.prepare('PRAGMA freelist_count').get()?.['freelist_count'] ?? 1) > 0) db.exec('VACUUM');
        db.exec('PRAGMA wal_checkpoint(TRUNCATE)');
      } catch (error) {
        if (!BUSY.has(resultCode(error) ?? 0)) throw error;
      }
    });
  }

  close(): void {
    const db = this.#db;
    this.#db = undefined;
    this.#statements.clear();
    try {
      db?.close();
    } catch (error) {
      throw this.#mapError(error);
    }
  }

  /** Runs `body`; if the file turns out damaged, replaces it and runs `body` once more. */
  #attempt<T>(body: () => T): T {
    let problem: 'foreign' | 'damaged';
    try {
      return body();
    } catch (error) {
      const foreign = error instanceof ForeignFile || (resultCode(error) === ERROR && this.#isForeign(this.#db));
      if (this.#depth > 0 || !(foreign || DAMAGED.has(resultCode(error) ?? 0))) throw this.#mapError(error);
      problem = foreign ? 'foreign' : 'damaged';
    }
    try {
      this.#replace(problem);
      return body();
    } catch (error) {
      throw this.#mapError(error);
    }
  }

  /** Another version of the program has made the open file its own; statements for our tables fail or, worse, do not. */
  #isForeign(db: DatabaseSync | undefined): boolean {
    return db !== undefined && versionOf(db) !== this.#schema.version;
  }

  #prepare(sql: string): StatementSync {
    let statement = this.#statements.get(sql);
    if (statement === undefined) {
      statement = this.#open().prepare(sql);
      this.#statements.set(sql, statement);
    }
    return statement;
  }

  #open(): DatabaseSync {
    if (this.#db !== undefined) return this.#db;
    this.#inode = inodeOf(this.path);
    const db = connect(this.path);
    try {
      if (versionOf(db) === 0) createSchema(db, this.#schema);
      else if (this.#isForeign(db)) throw new ForeignFile();
      db.exec(this.#schema.pragmas);
    } catch (error) {
      db.close();
      throw error;
    }
    this.#db = db;
    return db;
  }

  #replace(why: 'foreign' | 'damaged'): void {
    try {
      this.close();
    } catch {
      // A damaged file may also refuse to close; it is abandoned either way.
    }
    const aside = `${this.path}${ASIDE}${Date.now().toString(36)}`;
    const replaced = why === 'foreign' ? emptyInPlace(this.path, aside, this.#schema) : this.#moveAside(aside);
    const reason = why === 'foreign' ? 'is of another version' : 'was damaged';
    if (replaced)
      this.#onNotice(
        `the index of the store ${reason}: it is kept as ${aside}, a new one has the names of images that could be read, and steps run again`,
      );
  }

  /** Only one process moves a damaged file; the others find the new one. */
  #moveAside(aside: string): boolean {
    const guard = connect(`${this.path}.guard`);
    try {
      guard.exec('BEGIN EXCLUSIVE');
      if (inodeOf(this.path) !== this.#inode) return false;
      for (const suffix of ['-wal', '-shm', '']) if (existsSync(this.path + suffix)) renameSync(this.path + suffix, aside + suffix);
      this.#salvage(aside);
      return true;
    } catch (error) {
      if (errnoOf(error) === undefined) throw error;
      throw storeError(error, 'move aside', this.path);
    } finally {
      guard.close();
    }
  }

  #salvage(aside: string): void {
    const fresh = this.#open();
    let damaged: DatabaseSync | undefined;
    try {
      damaged = connect(aside);
      this.#schema.salvage?.(damaged)(fresh);
    } catch {
      // Nothing readable is left; the new index stays as it is.
    } finally {
      damaged?.close();
    }
  }

  #mapError(error: unknown): unknown {
    const code = resultCode(error);
    if (code === undefined) return error;
    if (code === FULL || (code === IO && isFull(dirname(this.path))))
      return storeError(Object.assign(new Error('disk full', { cause: error }), { code: 'ENOSPC' }), 'write', this.path);
    if (READ_ONLY.has(code)) {
      const cause = Object.assign(new Error('not writable', { cause: error }), { code: refusalOf(this.path) });
      return storeError(cause, 'write', this.path);
    }
    if (BUSY.has(code)) {
      return new TsbuildError({
        code: 'store/index-busy',
        message: `another process has been writing the index ${this.path} for more than ${BUSY_TIMEOUT / 1000} s`,
        hint: 'wait for the other tsbuild process or end it, then run the command again',
        cause: error,
      });
    }
    return storeError(new Error(messageOf(error), { cause: error }), 'use', this.path);
  }
}

/** A sqlite file that is not ours, or of another version of us. */
class ForeignFile extends Error {}

/** Why the file cannot be opened for writing, which sqlite does not tell: too many files may be open, or the file system read-only. */
function refusalOf(path: string): string {
  try {
    closeSync(openSync(path, constants.O_RDWR));
  } catch (error) {
    const errno = errnoOf(error);
    if (errno !== undefined && errno !== 'ENOENT') return errno;
  }
  return 'EACCES';
}

/** Two processes may arrive here together: the second finds the version set and does nothing. */
function createSchema(db: DatabaseSync, schema: SqliteSchema): void {
  enterWal(db);
  db.exec('BEGIN IMMEDIATE');
  if (versionOf(db) === 0) {
    // A foreign file without a version must not be mistaken for an empty one.
    if (db.prepare('SELECT 1 FROM sqlite_schema LIMIT 1').get() !== undefined) throw new ForeignFile();
    db.exec(`${schema.create}; PRAGMA user_version = ${schema.version}`);
  }
  db.exec('COMMIT');
}
