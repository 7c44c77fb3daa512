// Reading small files of the kernel or the host that may well be missing.
import { readFileSync } from 'node:fs';

/** Whole text, or null for whatever reason it cannot be read. */
export function readHostFile(path: string): string | null {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return null;
  }
}
