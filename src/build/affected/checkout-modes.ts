// Modes that files of a checkout have. git keeps only whether a file is executable; the rest comes from the
// umask of whoever made the checkout, which is read off the files themselves.
import { lstatSync } from 'node:fs';
import { join } from 'node:path';
import { fsPath } from '../../core/path-bytes.ts';
import type { RefListing } from './ref-listing.ts';

export interface CheckoutModes {
  readonly file: number;
  readonly executable: number;
  readonly directory: number;
}

/** As many files are looked at. */
const SAMPLE = 400;
/** Fewer files say nothing about their checkout. */
const ENOUGH = 8;

/** `umask` is the one of this process: it holds unless hardly any file fits it. */
export function checkoutModes(listing: RefListing, top: string, umask: number): CheckoutModes {
  const plain = [...listing.files].filter(([, file]) => file.type === 'file' && !file.executable && file.oid !== null);
  const step = Math.max(1, Math.floor(plain.length / SAMPLE));
  const counts = new Map<number, number>();
  let seen = 0;
  for (let at = 0; at < plain.length; at += step) {
    const mode = modeOf(join(top, plain[at]?.[0] ?? ''));
    if (mode === null) continue;
    counts.set(mode, (counts.get(mode) ?? 0) + 1);
    seen += 1;
  }
  const expected = 0o666 & ~umask;
  if (seen < ENOUGH || (counts.get(expected) ?? 0) * 5 >= seen) return modesOf(expected, umask);
  const [mode = expected] = [...counts].sort(([a, many], [b, more]) => more - many || a - b)[0] ?? [];
  return modesOf(mode, umaskOf(mode));
}

/** Of a regular file that can be looked at. */
function modeOf(path: string): number | null {
  try {
    const stats = lstatSync(fsPath(path));
    return stats.isFile() ? stats.mode & 0o7777 : null;
  } catch {
    return null;
  }
}

const modesOf = (file: number, umask: number): CheckoutModes => ({ file, executable: 0o777 & ~umask, directory: 0o777 & ~umask });

/** Who may read may also execute what is executable. */
const umaskOf = (mode: number): number => (0o666 & ~mode) | (((0o444 & ~mode) >> 2) & 0o111);
