// What the snapshot of a step holds beyond the layer made of it. A layer leaves out what a step changed
// back; the snapshot still shows it, and so does a copy of the stage: hard links are broken, directories
// have another time. Kept in a file beside the snapshot, and gone with it: unpacked anew, a layer has none.
import { readFileSync, writeFileSync } from 'node:fs';
import { errnoOf } from '../../core/errors.ts';

/** Paths as in FileEntry. */
export interface Unlisted {
  /**
   * Files of lower layers that the step copied up although they stayed the same, and that have or had hard
   * links: path → first name of the file it is now, its own or one that the step linked to it.
   */
  readonly copiedUp: readonly (readonly [path: string, name: string])[];
  /** Directories of lower layers of which the step changed nothing but the time: path → seconds. */
  readonly touched: readonly (readonly [path: string, mtime: number])[];
}

/** Usually there is nothing to say, and then no file. */
export function writeUnlisted(path: string, unlisted: Unlisted): void {
  if (unlisted.copiedUp.length + unlisted.touched.length > 0) writeFileSync(path, JSON.stringify(unlisted), { mode: 0o644 });
}

/** Null when there is no file, or a damaged one. */
export function readUnlisted(path: string): UnlistedNames | null {
  try {
    return new UnlistedNames(JSON.parse(readFileSync(path, 'utf8')) as Unlisted);
  } catch (error) {
    if (error instanceof SyntaxError || error instanceof TypeError || errnoOf(error) === 'ENOENT') return null;
    throw error;
  }
}

export class UnlistedNames {
  readonly #names = new Map<string, string>();
  readonly #times: ReadonlyMap<string, number>;

  constructor({ copiedUp, touched }: Unlisted) {
    for (const [path, name] of copiedUp) this.#names.set(name, name).set(path, name);
    this.#times = new Map(touched);
  }

  /** First name of the file that `path` is, when the step decided which names are one file. */
  firstName(path: string): string | undefined {
    return this.#names.get(path);
  }

  /** Seconds, of a directory that the step touched. */
  timeOf(path: string): number | undefined {
    return this.#times.get(path);
  }
}
