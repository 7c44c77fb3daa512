// Makes directories of the store. `mkdirSync` with `recursive` reports ENOENT for a read-only file
// system, which would send users looking in the wrong place; one level at a time tells the truth.
import { mkdirSync } from 'node:fs';
import { dirname } from 'node:path';
import { errnoOf } from '../core/errors.ts';
import { storeError } from './store-errors.ts';

/** Directories of the store are closed to other users: layers may hold setuid programs and private files. */
export const STORE_DIR_MODE = 0o700;

/** Makes `path` and what is missing above it; errors are those of `storeError`, naming the path that failed. */
export function makeDirectory(path: string): void {
  try {
    mkdirSync(path, { mode: STORE_DIR_MODE });
  } catch (error) {
    const errno = errnoOf(error);
    if (errno === 'EEXIST') return;
    if (errno !== 'ENOENT' || dirname(path) === path) throw storeError(error, 'create', path);
    makeDirectory(dirname(path));
    makeDirectory(path);
  }
}
