// Opening a sqlite file: the one place that loads node:sqlite, and what can be asked of any file.
import { statSync } from 'node:fs';
import { dirname } from 'node:path';
import type { DatabaseSync } from 'node:sqlite';
import { makeDirectory } from './make-directory.ts';

/** Milliseconds to wait for another process's write. */
export const BUSY_TIMEOUT = 10_000;

export function connect(path: string): DatabaseSync {
  const { DatabaseSync } = loadSqlite();
  makeDirectory(dirname(path));
  return new DatabaseSync(path, { timeout: BUSY_TIMEOUT });
}

/** SQLITE_BUSY (https://sqlite.org/rescode.html#busy). */
const BUSY = 5;
/** Milliseconds between attempts. */
const PAUSE = 5;

/**
 * Write-ahead logging for the file. sqlite does not wait when two processes switch a new file at once, because
 * each holds what the other needs: the one that is told so lets go and asks again.
 */
export function enterWal(db: DatabaseSync): void {
  const deadline = performance.now() + BUSY_TIMEOUT;
  for (;;) {
    try {
      db.exec('PRAGMA journal_mode = WAL');
      return;
    } catch (error) {
      if (resultCode(error) !== BUSY || performance.now() > deadline) throw error;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, PAUSE);
    }
  }
}

/** Primary sqlite result code of a thrown error. */
export function resultCode(error: unknown): number | undefined {
  return error instanceof Error && 'errcode' in error && typeof error.errcode === 'number' ? error.errcode & 0xff : undefined;
}

/** Early releases of Node 24 warn when sqlite is loaded; that one warning is dropped, others pass. */
function loadSqlite(): typeof import('node:sqlite') {
  const emitWarning = process.emitWarning;
  process.emitWarning = ((warning: string | Error, ...rest: unknown[]) => {
    if (rest[0] === 'ExperimentalWarning' && String(warning).startsWith('SQLite')) return;
    Reflect.apply(emitWarning, process, [warning, ...rest]);
  }) as typeof process.emitWarning;
  try {
    return process.getBuiltinModule('node:sqlite');
  } finally {
    process.emitWarning = emitWarning;
  }
}

/** What the owner of the file keeps as its version; 0 for a new file. */
export function versionOf(db: DatabaseSync): number {
  const row = db.prepare('PRAGMA user_version').get();
  return Number(row?.['user_version'] ?? 0);
}

/** Undefined when there is no file. */
export const inodeOf = (path: string): bigint | undefined => statSync(path, { bigint: true, throwIfNoEntry: false })?.ino;
