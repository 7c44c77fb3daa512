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

/** So many files are looked up, and so many are hashed, at a time: memory stays flat for huge contexts. */
const LOOKUP = 2048;
const SLICE = 16_384;

interface Job {
  readonly path: string;
  readonly host: string;
  readonly size: number;
}

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
  const report = { reused: 0, hashed: 0, bytes: 0 };
  let asked: string[] = [];
  let jobs: Job[] = [];
  const lookUp = (): void => {
    const missed = missing(tree, asked, cache);
    report.reused += asked.length - missed.length;
    jobs.push(...missed);
    asked = [];
  };
  const hash = async (): Promise<void> => {
    report.hashed += jobs.length;
    report.bytes += await hashJobs(tree, jobs, cache, options);
    jobs = [];
  };
  for (const path of paths) {
    if (tree.stamp(path) !== null && tree.lstat(path)?.sha256 === undefined) asked.push(path);
    if (asked.length >= LOOKUP) lookUp();
    if (jobs.length >= SLICE) await hash();
  }
  if (asked.length > 0) lookUp();
  if (jobs.length > 0) await hash();
  return report;
}

/** Takes from the cache what it knows; the rest has to be read. */
function missing(tree: LocalTree, paths: readonly string[], cache: StatCache): Job[] {
  const hosts = paths.map((path) => tree.hostPath(path));
  const known = cache.get(hosts);
  const jobs: Job[] = [];
  for (const [index, path] of paths.entries()) {
    const host = hosts[index] ?? '';
    const stamp = tree.stamp(path);
    const row = known.get(host);
    if (stamp === null) continue;
    if (row !== undefined && sameStamp(row, stamp)) tree.setContent(path, row.size, row.sha256);
    else jobs.push({ host, path, size: stamp.size });
  }
  return jobs;
}

/** Bytes read. */
async function hashJobs(tree: LocalTree, jobs: readonly Job[], cache: StatCache, options: HashOptions): Promise<number> {
  const begun = (options.clock ?? Date.now)();
  const settled = BigInt(Math.floor(begun) - YOUNG) * 1_000_000n;
  const results = await hashAll(jobs, options.workers);
  const fresh = new Map<string, StatRow>();
  let bytes = 0;
  for (const [index, job] of jobs.entries()) {
    const row = accept(tree, job.path, results[index] ?? { errno: 'EIO' });
    bytes += row.size;
    if (row.stable && row.ctime < settled) fresh.set(job.host, toRow(row));
  }
  if (fresh.size > 0) cache.put(fresh);
  return bytes;
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
