// Packed form of the stat cache: one row for each directory, in columns (names joined by '/', four
// numbers a file, 32 bytes of digest a file), so that a look-up of 20,000 files decodes a few large
// values instead of many small ones.
import { pathFromBytes, pathToBytes } from '../core/path-bytes.ts';
import type { StatRow } from './build-index.ts';
import type { IndexColumn } from './index-schema.ts';
import type { Row, SqliteDatabase } from './sqlite-database.ts';

type Database = SqliteDatabase<IndexColumn>;

/** size, mtime, ctime, inode. */
const NUMBERS = 4;
const HEX = 64;
/** Entries of files that were not seen in this run are dropped once they outnumber those that were by this. */
const STALE_ALLOWANCE = 1024;

/** By directory ('/' at the end), then by name. */
function groupByDirectory<T>(items: Iterable<readonly [string, T]>): Map<string, Map<string, T>> {
  const groups = new Map<string, Map<string, T>>();
  let lastDir: string | undefined;
  let group = new Map<string, T>();
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

interface UnpackedStats {
  readonly names: readonly string[];
  at(index: number): StatRow;
}

/** Null when there is no row, or its columns do not fit together. */
function unpackStats(row: Row<IndexColumn> | undefined): UnpackedStats | null {
  if (!(row?.names instanceof Uint8Array && row.numbers instanceof Uint8Array && row.digests instanceof Uint8Array)) return null;
  const names = pathFromBytes(row.names).split('/');
  if (row.numbers.byteLength !== names.length * NUMBERS * 8 || row.digests.byteLength !== (names.length * HEX) / 2) return null;
  const numbers = new BigInt64Array(row.numbers.slice().buffer);
  const hex = Buffer.from(row.digests.buffer, row.digests.byteOffset, row.digests.byteLength).toString('hex');
  const number = (index: number): bigint => numbers[index] ?? 0n;
  return {
    names,
    at: (index) => ({
      size: Number(number(index * NUMBERS)),
      mtime: number(index * NUMBERS + 1),
      ctime: number(index * NUMBERS + 2),
      inode: BigInt.asUintN(64, number(index * NUMBERS + 3)),
      sha256: hex.slice(index * HEX, (index + 1) * HEX),
    }),
  };
}

const SELECT = 'SELECT names, numbers, digests FROM stat_dirs WHERE dir = ?';

export function loadStats(db: Database, paths: readonly string[]): Map<string, StatRow> {
  const found = new Map<string, StatRow>();
  // The value of each name is the path it came from, so that no string is joined again.
  for (const [dir, wanted] of groupByDirectory(pairs(paths))) {
    const known = unpackStats(db.get(SELECT, pathToBytes(dir)));
    known?.names.forEach((name, index) => {
      const path = wanted.get(name);
      if (path !== undefined) found.set(path, known.at(index));
    });
  }
  return found;
}

function* pairs(paths: readonly string[]): Generator<readonly [string, string]> {
  for (const path of paths) yield [path, path];
}

/** Adds to what is known of each directory; concurrent writers may lose rows, which only costs a read. */
export function storeStats(db: Database, rows: ReadonlyMap<string, StatRow>, now: number): void {
  db.transaction(() => {
    for (const [dir, fresh] of groupByDirectory(rows)) {
      const key = pathToBytes(dir);
      const stale = new Map<string, StatRow>();
      const known = unpackStats(db.get(SELECT, key));
      known?.names.forEach((name, index) => {
        if (!fresh.has(name)) stale.set(name, known.at(index));
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
