// Is an entry of an upper directory the same as the one below it? Overlayfs copies up for many
// reasons that change nothing (opening for writing, chown to the same owner), and such entries do not
// belong in a layer. The rules are those of continuity's differ, which BuildKit uses.
import { type BigIntStats, closeSync, lstatSync, openSync, readlinkSync, readSync } from 'node:fs';
import { fsPath } from '../../core/path-bytes.ts';
import type { FileCalls } from '../syscalls.ts';
import type { LowerEntry } from './lower-stack.ts';
import { OWNER_XATTR } from './overlay-form.ts';

const SECOND = 1_000_000_000n;
const COMPARE_BLOCK = 128 * 1024;

/** One inode, or same type, mode, owner, device and capability; for all but directories also size, time and content. */
export function sameEntry(upper: LowerEntry, lower: LowerEntry, calls: FileCalls): boolean {
  const [a, b] = [upper.stats, lower.stats];
  if (a.ino === b.ino && a.dev === b.dev) return true;
  if (a.mode !== b.mode || a.uid !== b.uid || a.gid !== b.gid || a.rdev !== b.rdev) return false;
  for (const name of ['security.capability', OWNER_XATTR]) {
    if (calls.getXattr(upper.hostPath, name) !== calls.getXattr(lower.hostPath, name)) return false;
  }
  if (a.isDirectory()) return true;
  if (a.size !== b.size) return false;
  const [exactA, exactB] = [exact(upper), exact(lower)];
  if (exactA.mtimeNs !== exactB.mtimeNs) return false;
  // Equal nanoseconds are proof enough; whole seconds come from archives and say little.
  if (exactA.mtimeNs % SECOND !== 0n) return true;
  if (a.isSymbolicLink()) return linkOf(upper).equals(linkOf(lower));
  return !a.isFile() || a.size === 0 || sameContent(upper.hostPath, lower.hostPath);
}

const exact = (entry: LowerEntry): BigIntStats => lstatSync(fsPath(entry.hostPath), { bigint: true });
const linkOf = (entry: LowerEntry): Buffer => readlinkSync(fsPath(entry.hostPath), { encoding: 'buffer' });

function sameContent(a: string, b: string): boolean {
  const fds: number[] = [];
  try {
    for (const path of [a, b]) fds.push(openSync(fsPath(path), 'r'));
    const [left = -1, right = -1] = fds;
    const blocks = [Buffer.allocUnsafe(COMPARE_BLOCK), Buffer.allocUnsafe(COMPARE_BLOCK)] as const;
    for (;;) {
      const sizeA = readSync(left, blocks[0]);
      const sizeB = readSync(right, blocks[1]);
      if (sizeA !== sizeB || !blocks[0].subarray(0, sizeA).equals(blocks[1].subarray(0, sizeB))) return false;
      if (sizeA === 0) return true;
    }
  } finally {
    for (const fd of fds) closeSync(fd);
  }
}
