// Which builds are at work in a store, so that gc leaves alone what they may have decided to rely on.
// A session is a small file named by process; a dead process's file is removed by whoever sees it.
import { randomUUID } from 'node:crypto';
import { lstatSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { makeDirectory } from './make-directory.ts';
import { livenessOf, type ProcessIdentity, thisProcess } from './process-identity.ts';
import { keepReserve } from './space-reserve.ts';
import { storeError } from './store-errors.ts';
import { SESSIONS_DIR } from './store-layout.ts';

/** Milliseconds after which a session of a process that cannot be looked at counts as dead. */
const EXPIRY = 24 * 60 * 60 * 1000;

/** Call before the first look-up in the store; the result ends the session and may be called twice. */
export function enterStore(root: string): () => void {
  const directory = join(root, SESSIONS_DIR);
  const path = join(directory, randomUUID());
  makeDirectory(directory);
  keepReserve(root);
  try {
    writeFileSync(path, JSON.stringify(thisProcess()), { flag: 'wx', mode: 0o600 });
  } catch (error) {
    throw storeError(error, 'create', path);
  }
  return () => rmSync(path, { force: true });
}

/** Start (ms) of the oldest session of another process, or null when nobody else is at work. */
export function oldestSession(root: string): number | null {
  const directory = join(root, SESSIONS_DIR);
  let oldest: number | null = null;
  for (const name of namesOf(directory)) {
    const path = join(directory, name);
    const started = lstatSync(path, { throwIfNoEntry: false })?.mtimeMs;
    if (started === undefined) continue;
    const identity = readIdentity(path);
    if (identity?.pid === process.pid && livenessOf(identity) === 'alive') continue;
    const liveness = identity === null ? 'unknown' : livenessOf(identity);
    if (liveness === 'dead' || (liveness === 'unknown' && Date.now() - started > EXPIRY)) rmSync(path, { force: true });
    else oldest = Math.min(oldest ?? started, started);
  }
  return oldest;
}

function namesOf(directory: string): string[] {
  try {
    return readdirSync(directory);
  } catch {
    return [];
  }
}

/** Null while the file is still being written, or when it makes no sense. */
function readIdentity(path: string): ProcessIdentity | null {
  try {
    const value = JSON.parse(readFileSync(path, 'utf8')) as Partial<ProcessIdentity> | null;
    if (typeof value?.pid !== 'number' || typeof value.start !== 'string' || typeof value.namespace !== 'string') return null;
    return { pid: value.pid, start: value.start, namespace: value.namespace };
  } catch {
    return null;
  }
}
