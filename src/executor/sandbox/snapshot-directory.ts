// Names and directories of snapshots: snapshots-v1/<id>/fs holds the changes in overlay form, work is
// overlay's scratch space, unlisted.json what no layer tells. The only place where a snapshot id becomes
// a path; the working directory of the executor is snapshots-v1, so paths are relative to it.
import { chmodSync, chownSync, lstatSync, mkdirSync, rmSync } from 'node:fs';
import { InvariantError } from '../../core/errors.ts';
import { fsPath } from '../../core/path-bytes.ts';
import type { SnapshotId, SnapshotStack } from '../executor.ts';
import { isPrivateXattr, OWNER_XATTR } from '../layer/overlay-form.ts';
import { type FileCalls, SyscallError } from '../syscalls.ts';

const ID = /^[0-9A-Za-z][0-9A-Za-z_-]{0,127}$/;

export function checkedId(id: SnapshotId): SnapshotId {
  if (!ID.test(id)) throw new InvariantError(`snapshot id ${JSON.stringify(id)} is not a plain name`);
  return id;
}

/** The tree of one finished snapshot. */
export const treeOf = (id: SnapshotId): string => `${checkedId(id)}/fs`;

/** What `tree` has beyond its layer; see unlisted.ts. */
export const unlistedOf = (id: SnapshotId): string => `${checkedId(id)}/unlisted.json`;

/** Overlay lowers, topmost first. */
export const lowersOf = (stack: SnapshotStack): string[] => stack.map(treeOf).reverse();

/** Empty upper and work directories; what an earlier failed attempt left is removed. */
export function createUpper(id: SnapshotId): { readonly upper: string; readonly work: string } {
  const base = checkedId(id);
  mkdirSync(base, { recursive: true, mode: 0o755 });
  const upper = `${base}/fs`;
  const work = `${base}/work`;
  rmSync(upper, { recursive: true, force: true });
  rmSync(work, { recursive: true, force: true });
  mkdirSync(upper, { mode: 0o755 });
  mkdirSync(work, { mode: 0o700 });
  return { upper, work };
}

/** Gives directory `to` owner (or another), mode, attributes and times of `from`: overlay shows the topmost directory's. */
export function copyDirectoryAttributes(
  calls: FileCalls,
  from: string,
  to: string,
  owner?: { readonly uid: number; readonly gid: number },
): void {
  const stat = lstatSync(fsPath(from), { bigint: true });
  chownSync(fsPath(to), owner?.uid ?? Number(stat.uid), owner?.gid ?? Number(stat.gid));
  chmodSync(fsPath(to), Number(stat.mode & 0o7777n));
  for (const name of calls.listXattrs(from)) {
    const value = isPrivateXattr(name) && name !== OWNER_XATTR ? null : calls.getXattr(from, name);
    if (value !== null) setIfPossible(calls, to, name, value);
  }
  calls.setTimes(to, stat.atimeNs, stat.mtimeNs);
}

/** The private tmpfs, and an unprivileged container, takes fewer kinds of attributes than a disk; they matter for access lists only. */
export function setIfPossible(calls: FileCalls, path: string, name: string, value: string): void {
  try {
    calls.setXattr(path, name, value);
  } catch (error) {
    if (!(error instanceof SyscallError)) throw error;
  }
}

export function discardSnapshot(id: SnapshotId): void {
  rmSync(checkedId(id), { recursive: true, force: true });
}

/** Overlay's scratch space is of no use after the step. */
export function removeWork(id: SnapshotId): void {
  rmSync(`${checkedId(id)}/work`, { recursive: true, force: true });
}
