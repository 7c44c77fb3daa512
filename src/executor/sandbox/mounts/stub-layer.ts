// Mount points that the image lacks. Instead of making them in the step's upper directory and
// cleaning up afterwards (M-10, and the class of CVE-2024-23652), they live in a layer of their own
// that overlay shows between image and upper: the upper never sees them, so there is nothing to
// clean and no mtime to restore. Existing directories on the way are repeated with their attributes.
import { closeSync, mkdirSync, openSync } from 'node:fs';
import { join } from 'node:path';
import { fsPath } from '../../../core/path-bytes.ts';
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
 * the tree below, or null when that tree has none of this name.
 */
export function writeStubLayer(calls: FileCalls, layer: string, stubs: readonly Stub[], existing: (path: string) => string | null): void {
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
}

const parentOf = (path: string): string => path.slice(0, Math.max(0, path.lastIndexOf('/')));
