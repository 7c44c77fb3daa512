// Disk space of files and trees as `du` counts it: allocated blocks, directories included, each inode
// once. Trees of foreign owners may be unreadable to us; then the answer is null.
import { chmodSync, lstatSync, readdirSync, rmSync, type Stats } from 'node:fs';
import { join } from 'node:path';
import { errnoOf } from '../../core/errors.ts';
import { storeError } from '../store-errors.ts';

const BLOCK = 512;

export const allocated = (stats: Stats): number => stats.blocks * BLOCK;

/** Bytes below and including `path`; 0 when it is not there, null when a part of it cannot be read. */
export function treeSize(path: string): number | null {
  const seen = new Set<string>();
  let total = 0;
  let complete = true;
  // Latin1 keeps names that are not UTF-8 apart and leads back to them.
  for (const pending = [Buffer.from(path)]; pending.length > 0; ) {
    const current = pending.pop() ?? Buffer.alloc(0);
    const stats = lstatSync(current, { throwIfNoEntry: false });
    if (stats === undefined) continue;
    if (!stats.isDirectory() && stats.nlink > 1) {
      const inode = `${stats.dev}:${stats.ino}`;
      if (seen.has(inode)) continue;
      seen.add(inode);
    }
    total += allocated(stats);
    if (!stats.isDirectory()) continue;
    try {
      for (const name of readdirSync(current, { encoding: 'buffer' })) pending.push(Buffer.concat([current, Buffer.from('/'), name]));
    } catch (error) {
      if (errnoOf(error) !== 'ENOENT') complete = false;
    }
  }
  return complete ? total : null;
}

/** Removes a tree of our own, also where directories are not writable. Never follows links. */
export function removeTree(path: string): void {
  try {
    rmSync(path, { recursive: true, force: true });
    return;
  } catch (error) {
    const errno = errnoOf(error);
    if (errno !== 'EACCES' && errno !== 'EPERM') throw storeError(error, 'remove', path);
  }
  try {
    openDirectories(path);
    rmSync(path, { recursive: true, force: true });
  } catch (error) {
    throw storeError(error, 'remove', path);
  }
}

function openDirectories(root: string): void {
  for (const pending = [root]; pending.length > 0; ) {
    const path = pending.pop() ?? root;
    if (lstatSync(path, { throwIfNoEntry: false })?.isDirectory() !== true) continue;
    chmodSync(path, 0o700);
    for (const name of readdirSync(path)) pending.push(join(path, name));
  }
}
