// Mount points that the image lacks. Instead of making them in the step's upper directory and
// cleaning up afterwards (M-10, and the class of CVE-2024-23652), they live in a layer of their own
// that overlay shows between image and upper: the upper sees only those that the step itself changed.
// Existing directories on the way are repeated with their attributes.
import { closeSync, lstatSync, mkdirSync, openSync, rmdirSync } from 'node:fs';
import { join } from 'node:path';
import { fsPath } from '../../../core/path-bytes.ts';
import { listNames } from '../../layer/lower-stack.ts';
import { makeWhiteout } from '../../layer/overlay-form.ts';
import type { FileCalls } from '../../syscalls.ts';
import { copyDirectoryAttributes } from '../snapshot-directory.ts';

export interface Stub {
  /** Absolute, without links, relative to the tree it belongs to. */
  readonly path: string;
  /** A whiteout hides what is there instead of adding something. */
  readonly kind: 'dir' | 'file' | 'whiteout';
}

/**
 * Fills the empty directory `layer` with `stubs`. `existing` gives the host path of a directory of
 * the tree below, or null when that tree has none of this name. Returns the directories that are not
 * in that tree, parents first.
 */
export function writeStubLayer(
  calls: FileCalls,
  layer: string,
  stubs: readonly Stub[],
  existing: (path: string) => string | null,
): readonly string[] {
  const made = new Map<string, string | null>();
  const ensureDirectory = (path: string): void => {
    if (made.has(path)) return;
    if (path !== '') {
      ensureDirectory(parentOf(path));
      mkdirSync(fsPath(join(layer, path)), { mode: 0o755 });
    }
    made.set(path, existing(path === '' ? '/' : path));
  };
  for (const stub of stubs) {
    if (stub.kind === 'dir') ensureDirectory(stub.path === '/' ? '' : stub.path);
    else {
      ensureDirectory(parentOf(stub.path));
      const path = join(layer, stub.path);
      if (stub.kind === 'whiteout') makeWhiteout(calls, path);
      else closeSync(openSync(fsPath(path), 'w', 0o644));
    }
  }
  // Deepest first: making a child changes the parent's mtime.
  for (const [path, source] of [...made].reverse()) if (source !== null) copyDirectoryAttributes(calls, source, join(layer, path));
  return [...made].flatMap(([path, source]) => (source === null ? [path] : []));
}

/**
 * Removes from `upper` those of `directories`, as `writeStubLayer` returned them, that the step changed but
 * left empty: Docker takes every empty directory it made for a mount away again, whatever its mode and time.
 */
export function removeEmptyStubs(calls: FileCalls, upper: string, directories: readonly string[]): void {
  for (const path of directories.toReversed()) {
    if (!isDirectoryIn(upper, path) || listNames(upper + path).length > 0) continue;
    const parent = upper + parentOf(path);
    const { atimeNs, mtimeNs } = lstatSync(fsPath(parent), { bigint: true });
    rmdirSync(fsPath(upper + path));
    calls.setTimes(parent, atimeNs, mtimeNs);
  }
}

/** The step may have put a link in the place of any directory. */
function isDirectoryIn(upper: string, path: string): boolean {
  for (let end = path.indexOf('/', 1); ; end = path.indexOf('/', end + 1)) {
    const part = end === -1 ? path : path.slice(0, end);
    if (lstatSync(fsPath(upper + part), { throwIfNoEntry: false })?.isDirectory() !== true) return false;
    if (end === -1) return true;
  }
}

const parentOf = (path: string): string => path.slice(0, Math.max(0, path.lastIndexOf('/')));
