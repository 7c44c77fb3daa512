// A little space that is kept for the moment when the disk is full: freeing space takes some, for the
// index writes what it removes. `prune` gives the reserve up first; the next command makes it again.
import { closeSync, openSync, rmSync, statfsSync, statSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { RESERVE_FILE } from './store-layout.ts';

export const RESERVE_BYTES = 256 * 1024;
/** With less than this the disk counts as full, and no reserve is made. */
const SCARCE = 4 * RESERVE_BYTES;

/** Bytes that this user can still write at `path`; infinite when nobody knows. */
function freeBytes(path: string): number {
  try {
    const { bavail, bsize } = statfsSync(path);
    return bavail * bsize;
  } catch {
    return Number.POSITIVE_INFINITY;
  }
}

/** For errors that do not say why a write failed. */
export const isFull = (path: string): boolean => freeBytes(path) < RESERVE_BYTES;

/** Best effort: a store without it works, but can be harder to free. */
export function keepReserve(root: string): void {
  const path = join(root, RESERVE_FILE);
  if (statSync(path, { throwIfNoEntry: false }) !== undefined || freeBytes(root) < SCARCE) return;
  try {
    const fd = openSync(path, 'wx', 0o600);
    try {
      // Not zeros: file systems that leave holes or compress must give real blocks.
      writeSync(fd, Buffer.alloc(RESERVE_BYTES, noise()));
    } finally {
      closeSync(fd);
    }
  } catch {
    rmSync(path, { force: true });
  }
}

/** Call before opening a store to free space in it. */
export function giveUpReserve(root: string): void {
  if (freeBytes(root) < SCARCE) rmSync(join(root, RESERVE_FILE), { force: true });
}

/** Bytes that do not compress. */
function noise(): Buffer {
  const bytes = Buffer.alloc(64 * 1024);
  let state = 0x2545f491;
  for (let at = 0; at < bytes.length; at += 4) {
    state = Math.imul(state ^ (state >>> 15), 0x2c1b3c6d) + at;
    bytes.writeUInt32LE(state >>> 0, at);
  }
  return bytes;
}
