// Reading what users and administrators configured in files; one that is not there says nothing.
import { readdirSync, readFileSync } from 'node:fs';
import { errnoOf, TsbuildError } from '../../core/errors.ts';

const ABSENT = ['ENOENT', 'ENOTDIR'];

export const badConfig = (path: string, reason: string, cause?: unknown): TsbuildError =>
  new TsbuildError({ code: 'registry/bad-config', message: `${path}: ${reason}`, ...(cause === undefined ? {} : { cause }) });

/** null when there is no such file. A directory in its place is 'registry/bad-config', or ignored as well. */
export function readIfPresent(path: string, directories: 'ignored' | 'refused' = 'refused'): string | null {
  return unlessAbsent(path, () => readFileSync(path, 'utf8'), directories === 'ignored' ? [...ABSENT, 'EISDIR'] : ABSENT);
}

/** In order of name. Error: 'registry/bad-config'. */
export const namesIn = (directory: string): readonly string[] => unlessAbsent(directory, () => readdirSync(directory).sort()) ?? [];

function unlessAbsent<T>(path: string, read: () => T, absent = ABSENT): T | null {
  try {
    return read();
  } catch (error) {
    const errno = errnoOf(error) ?? 'unknown error';
    if (absent.includes(errno)) return null;
    throw badConfig(path, `cannot be read (${errno})`, error);
  }
}
