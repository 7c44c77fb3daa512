// Makes directories with what is missing above them. `mkdirSync` with `recursive` reports ENOENT for a
// read-only file system, which would send users looking in the wrong place, and tries for ever where
// nothing can be made (/proc); one level at a time tells the truth.
import { mkdirSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { errnoOf } from '../core/errors.ts';
import { storeError } from './store-errors.ts';

/** Directories of the store are closed to other users: layers may hold setuid programs and private files. */
export const STORE_DIR_MODE = 0o700;

/** For the store: errors are those of `storeError`, naming the path that failed. */
export function makeDirectory(path: string): void {
  makeLevels(path, STORE_DIR_MODE, (error, failed) => storeError(error, 'create', failed));
}

/** For anywhere else: throws what the system says. */
export function makeDirectories(path: string, mode = 0o777): void {
  makeLevels(path, mode, (error) => error);
}

type Failure = (error: unknown, path: string) => unknown;

function makeLevels(path: string, mode: number, failure: Failure): void {
  const parent = dirname(path);
  if (parent !== path && !makeOne(path, mode, failure, true)) {
    makeLevels(parent, mode, failure);
    makeOne(path, mode, failure, false);
  }
}

/** False when what it should be in is missing, if that `may` be. */
function makeOne(path: string, mode: number, failure: Failure, may: boolean): boolean {
  try {
    mkdirSync(path, { mode });
  } catch (error) {
    const errno = errnoOf(error);
    if (errno === 'ENOENT' && may) return false;
    if (errno !== 'EEXIST' || statSync(path, { throwIfNoEntry: false })?.isDirectory() !== true) throw failure(error, path);
  }
  return true;
}
