// Packed form of the stat cache: one row for each directory, in columns (names joined by '/', four
// numbers a file, 32 bytes of digest a file), so that a look-up of 20,000 files decodes a few large
// values instead of many small ones.
import { pathFromBytes, pathToBytes } from '../core/path-bytes.ts';
import type { KnownFiles, StatRow } from './build-index.ts';
import type { IndexColumn } from './index-schema.ts';
import type { SqliteDatabase } from './sqlite-database.ts';

type Database = SqliteDatabase<IndexColumn>;

/** size, mtime, ctime, inode. */
const NUMBERS = 4;
const HEX = 64;
/** Entries of files that were not seen in this run are dropped once they outnumber those that were by this. */
const STALE_ALLOWANCE = 1024;

/** By directory ('/' at the end), then by name. */
function groupByDirectory(items: Iterable<readonly [string, StatRow]>): Map<string, Map<string, StatRow>> {
  const groups = new Map<string, Map<string, StatRow>>();
  let lastDir: string | undefined;
  let group = new Map<string, StatRow>();
  for (const [path, value] of items) {
    const at = path.lastIndexOf('/') + 1;
    const dir = path.slice(0, at);
    if (dir !== lastDir) {
      lastDir = dir;
      group = groups.get(dir) ?? new Map();
      groups.set(dir, group);
    }
    group.set(path.slice(at), value);
  }
  return groups;
}

interface PackedStats {
  readonly names: Buffer;
  readonly numbers: Uint8Array;
  readonly digests: Buffer;
}

function packStats(rows: ReadonlyMap<string, StatRow>): PackedStats {
  const numbers = new BigInt64Array(rows.size * NUMBERS);
  let at = 0;
  let hex = '';
  for (const row of rows.values()) {
    numbers[at++] = BigInt(row.size);
    numbers[at++] = row.mtime;
    numbers[at++] = row.ctime;
    numbers[at++] = row.inode;
    hex += row.sha256;
  }
  return {
    names: pathToBytes([...rows.keys()].join('/')),
    numbers: new Uint8Array(numbers.buffer),
    digests: Buffer.from(hex, 'hex'),
  };
}

const SELECT = 'SELECT names, numbers, digests FROM stat_dirs WHERE dir = ?';

/** Null when there is no row, or its columns do not fit together. */
export function loadStats(db: Database, directory: string): KnownFiles | null {
  const row = db.get(SELECT, pathToBytes(directory));
  if (!(row?.names instanceof Uint8Array && row.numbers instanceof Uint8Array && row.digests instanceof Uint8Array)) return null;
  const names = pathFromBytes(row.names).split('/');
  if (row.numbers.byteLength !== names.length * NUMBERS * 8 || row.digests.byteLength !== (names.length * HEX) / 2) return null;
  const digests = Buffer.from(row.digests.buffer, row.digests.byteOffset, row.digests.byteLength).toString('hex');
  return { names, stamps: new BigInt64Array(row.numbers.slice().buffer), digests };
}

function rowAt({ stamps, digests }: KnownFiles, index: number): StatRow {
  const number = (which: number): bigint => stamps[index * NUMBERS + which] ?? 0n;
  return {
    size: Number(number(0)),
    mtime: number(1),
    ctime: number(2),
    inode: BigInt.asUintN(64, number(3)),
    sha256: digests.slice(index * HEX, (index + 1) * HEX),
  };
}

/** Adds to what is known of each directory; concurrent writers may lose rows, which only costs a read. */
export function storeStats(db: Database, rows: ReadonlyMap<string, StatRow>, now: number): void {
  db.transaction(() => {
    for (const [dir, fresh] of groupByDirectory(rows)) {
      const key = pathToBytes(dir);
      const stale = new Map<string, StatRow>();
      const known = loadStats(db, dir);
      known?.names.forEach((name, index) => {
        if (!fresh.has(name)) stale.set(name, rowAt(known, index));
      });
      const kept = stale.size > fresh.size + STALE_ALLOWANCE ? fresh : new Map([...stale, ...fresh]);
      const { names, numbers, digests } = packStats(kept);
      db.run(
        'INSERT OR REPLACE INTO stat_dirs (dir, names, numbers, digests, last_used) VALUES (?, ?, ?, ?, ?)',
        key,
        names,
        numbers,
        digests,
        now,
      );
    }
  });
}
