// Makes sure that the regular files of a context carry their content hash, reading only those that
// changed since they were last seen.

import { setImmediate as nextTurn } from 'node:timers/promises';
import { TsbuildError } from '../core/errors.ts';
import type { Clock } from '../core/events.ts';
import type { FileEntry } from '../core/file-entry.ts';
import { parentOf } from './clean-path.ts';
import { BUFFER_SIZE, type HashResult, hashFile } from './hash-file.ts';
import { LocalEntry } from './local-entry.ts';
import type { LocalTree } from './local-tree.ts';
import { STAMP_NUMBERS, unreadable } from './read-directory.ts';
import { type KnownFiles, type StatCache, type StatRow, sameStamp } from './stat-cache.ts';

export interface HashOptions {
  readonly clock?: Clock;
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

/** Nanoseconds: what changed earlier than this is settled at the time `now` (milliseconds). */
export const settledBefore = (now: number): bigint => BigInt(Math.floor(now) - YOUNG) * 1_000_000n;

const HEX = 64;
/** After about so many bytes signals and progress get their turn; a file counts for at least LEAST. */
const TURN = 32 << 20;
const LEAST = 64 << 10;

/** So many files are hashed at a time: memory stays flat for huge contexts. */
const SLICE = 16_384;

interface Job {
  readonly entry: LocalEntry;
  readonly host: string;
  readonly size: number;
}

/**
 * Fills `sha256` of the regular files among `entries`, which are of `tree`; others are passed over. Throws
 * context/unreadable and context/changed.
 */
export async function hashContextFiles(
  tree: LocalTree,
  entries: Iterable<FileEntry>,
  cache: StatCache,
  options: HashOptions = {},
): Promise<HashReport> {
  const report = { reused: 0, hashed: 0, bytes: 0 };
  let asked: LocalEntry[] = [];
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
  for (const entry of entries) {
    if (!(entry instanceof LocalEntry) || entry.type !== 'file' || entry.sha256 !== undefined) continue;
    // Files of one directory share what its reading found.
    if (asked[0] !== undefined && asked[0].stats !== entry.stats) lookUp();
    asked.push(entry);
    if (jobs.length >= SLICE) await hash();
  }
  lookUp();
  if (jobs.length > 0) await hash();
  return report;
}

/** Takes from the cache what it knows of files of one directory; the rest has to be read. */
function missing(tree: LocalTree, entries: readonly LocalEntry[], cache: StatCache): Job[] {
  const [first] = entries;
  if (first === undefined) return [];
  const dir = parentOf(tree.hostPath(first.path));
  const reader = new KnownReader(cache.get(dir === '/' ? dir : `${dir}/`), first.stats.stamps);
  const jobs: Job[] = [];
  for (const entry of entries) {
    const sha256 = reader.digestOf(entry);
    if (sha256 === null) jobs.push({ host: tree.hostPath(entry.path), entry, size: entry.size });
    else entry.setContent(entry.size, sha256);
  }
  return jobs;
}

/** Finds entries among what is known of their directory; quickly when both come in one order. */
class KnownReader {
  readonly #names: readonly string[];
  readonly #stamps: Int32Array;
  readonly #digests: string;
  readonly #now: Int32Array;
  #next = 0;
  #positions: Map<string, number> | undefined;

  constructor(known: KnownFiles | null, now: BigInt64Array) {
    this.#now = halvesOf(now);
    this.#names = known?.names ?? [];
    this.#stamps = halvesOf(known?.stamps ?? new BigInt64Array(0));
    this.#digests = known?.digests ?? '';
  }

  /** Null when the file is unknown or has changed. */
  digestOf(entry: LocalEntry): string | null {
    const at = this.#find(entry.name);
    if (at === undefined) return null;
    this.#next = at + 1;
    const halves = 2 * STAMP_NUMBERS;
    for (let half = 0; half < halves; half++) {
      if (this.#stamps[at * halves + half] !== this.#now[entry.at * halves + half]) return null;
    }
    return this.#digests.slice(at * HEX, (at + 1) * HEX);
  }

  #find(name: string): number | undefined {
    if (this.#names[this.#next] === name) return this.#next;
    this.#positions ??= new Map(this.#names.map((known, at) => [known, at]));
    return this.#positions.get(name);
  }
}

/** Compared as halves, because reading a 64-bit number makes an object. */
const halvesOf = (numbers: BigInt64Array): Int32Array => new Int32Array(numbers.buffer, numbers.byteOffset, numbers.length * 2);

/** Bytes read. */
async function hashJobs(tree: LocalTree, jobs: readonly Job[], cache: StatCache, options: HashOptions): Promise<number> {
  const settled = settledBefore((options.clock ?? Date.now)());
  const buffer = Buffer.allocUnsafeSlow(BUFFER_SIZE);
  const fresh = new Map<string, StatRow>();
  let bytes = 0;
  let busy = 0;
  for (const { entry, host, size } of jobs) {
    busy += Math.max(size, LEAST);
    if (busy > TURN) {
      await nextTurn();
      busy = 0;
    }
    const row = accept(tree, entry, hashFile(host, buffer));
    bytes += row.size;
    if (row.stable && row.ctime < settled) fresh.set(host, toRow(row));
  }
  if (fresh.size > 0) cache.put(fresh);
  return bytes;
}

const toRow = ({ size, mtime, ctime, inode, sha256 }: StatRow): StatRow => ({ size, mtime, ctime, inode, sha256 });

function accept(tree: LocalTree, entry: LocalEntry, result: HashResult): StatRow & { readonly stable: boolean } {
  if ('errno' in result) throw failure(entry.path, result.errno);
  const { stamp, sha256, stable } = result;
  // The walk saw an older state: take the metadata that belongs to the bytes that were read.
  if (!sameStamp(entry.stamp, stamp)) tree.refresh(entry);
  entry.setContent(stamp.size, sha256);
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
