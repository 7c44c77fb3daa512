// Makes sure that the regular files of a context carry their content hash, reading only those that
// changed since they were last seen.

import { TsbuildError } from '../core/errors.ts';
import type { Clock } from '../core/events.ts';
import type { HashResult } from './hash-file.ts';
import { hashAll } from './hash-pool.ts';
import { unreadable } from './local-node.ts';
import type { LocalTree } from './local-tree.ts';
import { type StatCache, type StatRow, sameStamp } from './stat-cache.ts';

export interface HashOptions {
  readonly clock?: Clock;
  /** Number of worker threads; chosen by the amount of work unless given. */
  readonly workers?: number;
}

export interface HashReport {
  /** Files whose hash came from the cache. */
  readonly reused: number;
  readonly hashed: number;
  /** Bytes read. */
  readonly bytes: number;
}

/**
 * A file changed less than this long ago could change again within one tick of the file system's
 * clock, with equal times: its hash is used now but not remembered. Milliseconds.
 */
const YOUNG = 2000;

/**
 * Fills `sha256` of the regular files among `paths`; others are passed over. Throws context/unreadable
 * and context/changed.
 */
export async function hashContextFiles(
  tree: LocalTree,
  paths: Iterable<string>,
  cache: StatCache,
  options: HashOptions = {},
): Promise<HashReport> {
  const wanted = new Map<string, string>();
  for (const path of paths) {
    if (tree.stamp(path) !== null && tree.lstat(path)?.sha256 === undefined) wanted.set(tree.hostPath(path), path);
  }
  const known = wanted.size === 0 ? new Map<string, StatRow>() : cache.get([...wanted.keys()]);
  const jobs: { host: string; path: string; size: number }[] = [];
  for (const [host, path] of wanted) {
    const stamp = tree.stamp(path);
    const row = known.get(host);
    if (stamp === null) continue;
    if (row !== undefined && sameStamp(row, stamp)) tree.setContent(path, row.size, row.sha256);
    else jobs.push({ host, path, size: stamp.size });
  }
  const begun = (options.clock ?? Date.now)();
  const results = jobs.length === 0 ? [] : await hashAll(jobs, options.workers);
  const fresh = new Map<string, StatRow>();
  let bytes = 0;
  for (const [index, job] of jobs.entries()) {
    const row = accept(tree, job.path, results[index] ?? { errno: 'EIO' });
    bytes += row.size;
    if (row.stable && row.ctime < BigInt(Math.floor(begun) - YOUNG) * 1_000_000n) fresh.set(job.host, toRow(row));
  }
  if (fresh.size > 0) cache.put(fresh);
  return { reused: wanted.size - jobs.length, hashed: jobs.length, bytes };
}

const toRow = ({ size, mtime, ctime, inode, sha256 }: StatRow): StatRow => ({ size, mtime, ctime, inode, sha256 });

function accept(tree: LocalTree, path: string, result: HashResult): StatRow & { readonly stable: boolean } {
  if ('errno' in result) throw failure(path, result.errno);
  const { stamp, sha256, stable } = result;
  const seen = tree.stamp(path);
  // The walk saw an older state: take the metadata that belongs to the bytes that were read.
  if (seen === null || !sameStamp(seen, stamp)) tree.refresh(path);
  tree.setContent(path, stamp.size, sha256);
  return { size: stamp.size, mtime: stamp.mtime, ctime: stamp.ctime, inode: stamp.inode, sha256, stable };
}

function failure(path: string, errno: string): TsbuildError {
  if (errno !== 'ENOENT' && errno !== 'EINVAL' && errno !== 'EBUSY' && errno !== 'ELOOP') return unreadable(path, errno, undefined);
  return new TsbuildError({
    code: 'context/changed',
    message: `${JSON.stringify(path)} ${errno === 'EBUSY' ? 'kept shrinking' : 'vanished or was replaced'} while the build context was read`,
    hint: 'Stop what writes to the build context, or leave the file out with a line in .dockerignore.',
    data: { path, errno },
  });
}
