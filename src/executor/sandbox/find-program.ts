// Where a program of the host is. Apart from what starts programs: a cached build only asks whether some are there.
import { accessSync, constants } from 'node:fs';
import { join } from 'node:path';
import { toolPath } from '../launch.ts';

/** First executable file of that name in `path`, or null. */
export function findProgram(name: string, path = toolPath()): string | null {
  for (const directory of path.split(':')) {
    if (directory === '') continue;
    const candidate = join(directory, name);
    try {
      accessSync(candidate, constants.X_OK);
      return candidate;
    } catch {
      // next directory
    }
  }
  return null;
}
