// The BuildIndex on sqlite. Whatever is read from the file is checked before it is believed: a row
// that does not hold digests where digests belong counts as absent.
import { join } from 'node:path';
import type { Descriptor } from '../core/descriptor.ts';
import {
  type CacheKey,
  type ChainId,
  type ContentKey,
  type DiffId,
  type Digest,
  isDigest,
  parseCacheKey,
  parseChainId,
  parseDiffId,
} from '../core/digest.ts';
import { TsbuildError } from '../core/errors.ts';
import { isTextMap } from '../core/json-object.ts';
import type { BuildIndex, BuildRecord, Eviction, KnownFiles, SnapshotRow, StatRow, TagRow } from './build-index.ts';
import { findEviction } from './evictions.ts';
import { type IndexColumn, indexSchema } from './index-schema.ts';
import { loadListing, storeListing } from './listings.ts';
import { type Row, SqliteDatabase } from './sqlite-database.ts';
import { loadStats, storeStats } from './stat-cache.ts';
import { INDEX_DIR } from './store-layout.ts';

export const INDEX_FILE = join(INDEX_DIR, 'index.db');
/** Milliseconds: a last use that is this recent is not written again. */
const TOUCH_INTERVAL = 10 * 60 * 1000;

export interface SqliteIndexOptions {
  /** Told once when a damaged index had to be replaced. */
  readonly onNotice?: ((message: string) => void) | undefined;
  /** Milliseconds; for tests. */
  readonly now?: () => number;
}

export class SqliteIndex implements BuildIndex {
  readonly db: SqliteDatabase<IndexColumn>;
  readonly #now: () => number;
  /** Keys of records that were read; written in one go when the index is closed. */
  readonly #used = new Set<CacheKey>();

  constructor(root: string, options: SqliteIndexOptions = {}) {
    this.db = new SqliteDatabase(join(root, INDEX_FILE), indexSchema(), options.onNotice ?? (() => undefined));
    this.#now = options.now ?? Date.now;
  }

  record(key: CacheKey, from?: string): BuildRecord | null {
    const row =
      this.db.get('SELECT * FROM records WHERE key = ?', key) ??
      this.db.get(
        'SELECT r.* FROM aliases a JOIN records r ON r.key = a.target WHERE a.key = ? AND (? IS NULL OR a.source IS NULL OR a.source = ?)',
        key,
        from ?? null,
        from ?? null,
      );
    const record = row === undefined ? null : recordOf(row);
    if (record !== null && this.#now() - Number(row?.last_used) >= TOUCH_INTERVAL) this.#used.add(record.key);
    return record;
  }

  recordsOfSlot(slot: string, limit: number): readonly BuildRecord[] {
    const rows = this.db.all('SELECT * FROM records WHERE slot = ? ORDER BY created DESC, key LIMIT ?', slot, limit);
    return rows.map(recordOf).filter((record) => record !== null);
  }

  recordsOfSlotGroup(prefix: string, limit: number): readonly BuildRecord[] {
    // A group has as many records as builds left there: which are the newest is read from the index of slots alone.
    const newest = 'SELECT key FROM records WHERE slot >= ? AND slot < ? ORDER BY created DESC, key LIMIT ?';
    const sql = `SELECT * FROM records WHERE key IN (${newest}) ORDER BY created DESC, key`;
    return this.db
      .all(sql, prefix, `${prefix}\u{10ffff}`, limit)
      .map(recordOf)
      .filter((record) => record !== null);
  }

  saveRecord(record: BuildRecord): void {
    this.db.run(
      'INSERT OR REPLACE INTO records (key, output_key, below, diff_id, blob, created, ingredients, slot, last_used) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)',
      record.key,
      record.outputKey,
      record.below,
      record.diffId,
      JSON.stringify(record.blob),
      Math.trunc(record.created),
      JSON.stringify(record.ingredients),
      record.slot,
      this.#now(),
    );
  }

  alias(key: CacheKey, target: CacheKey, from?: string): void {
    if (key === target) return;
    const sql = 'INSERT OR REPLACE INTO aliases (key, target, source, last_used) VALUES (?, ?, ?, ?)';
    this.db.run(sql, key, target, from ?? null, this.#now());
  }

  eviction(of: { readonly key: CacheKey } | { readonly slot: string }): Eviction | null {
    return findEviction(this.db, of);
  }

  listing(content: ContentKey): Uint8Array | null {
    return loadListing(this.db, content);
  }

  saveListing(content: ContentKey, packed: Uint8Array): void {
    storeListing(this.db, content, packed);
  }

  tag(name: string): TagRow | null {
    const row = this.db.get('SELECT * FROM tags WHERE name = ?', name);
    return row === undefined ? null : tagOf(row);
  }

  tags(): readonly TagRow[] {
    return this.db
      .all('SELECT * FROM tags ORDER BY name')
      .map(tagOf)
      .filter((tag) => tag !== null);
  }

  /** Unlike records, a tag is what the user asked for. */
  setTag(name: string, target: Descriptor, created: number): void {
    this.db.followReplacement();
    this.db.run('INSERT OR REPLACE INTO tags (name, target, created) VALUES (?, ?, ?)', name, JSON.stringify(target), Math.trunc(created));
  }

  removeTag(name: string): boolean {
    return this.db.run('DELETE FROM tags WHERE name = ?', name) > 0;
  }

  blobsOfDiffId(diffId: DiffId): readonly Descriptor[] {
    const rows = this.db.all('SELECT descriptor FROM diff_ids WHERE diff_id = ? ORDER BY seq', diffId);
    return rows.map((row) => descriptorOf(row.descriptor)).filter((blob) => blob !== null);
  }

  setDiffId(blob: Descriptor, diffId: DiffId): void {
    this.db.run(
      `INSERT INTO diff_ids (blob, diff_id, descriptor) VALUES (?, ?, ?)
       ON CONFLICT (blob) DO UPDATE SET diff_id = excluded.diff_id, descriptor = excluded.descriptor`,
      blob.digest,
      diffId,
      JSON.stringify(blob),
    );
  }

  diffIdOfBlob(digest: Digest): DiffId | null {
    return checked(parseDiffId, this.db.get('SELECT diff_id FROM diff_ids WHERE blob = ?', digest)?.diff_id);
  }

  locations(digest: Digest): readonly string[] {
    const rows = this.db.all('SELECT repository FROM locations WHERE blob = ? ORDER BY seen DESC, repository', digest);
    return rows.map((row) => row.repository).filter((repository) => typeof repository === 'string');
  }

  addLocation(digest: Digest, repository: string): void {
    this.db.run('INSERT OR REPLACE INTO locations (blob, repository, seen) VALUES (?, ?, ?)', digest, repository, this.#now());
  }

  /** A snapshot in use must not look old to gc in another process, so its last use is written at once. */
  snapshot(chainId: ChainId): SnapshotRow | null {
    const row = this.db.get('SELECT * FROM snapshots WHERE chain_id = ?', chainId);
    if (row === undefined) return null;
    const now = this.#now();
    if (now - Number(row.last_used) >= TOUCH_INTERVAL) {
      this.db.run('UPDATE snapshots SET last_used = ? WHERE chain_id = ?', now, chainId);
    }
    return snapshotOf(row);
  }

  newSnapshot(): string {
    const row = this.db.get('INSERT INTO snapshots (chain_id, size, last_used) VALUES (NULL, 0, ?) RETURNING seq', this.#now());
    return Number(row?.seq).toString(36);
  }

  commitSnapshot(id: string, chainId: ChainId, size: number): SnapshotRow {
    return this.db.transaction(() => {
      const first = this.db.get('SELECT * FROM snapshots WHERE chain_id = ?', chainId);
      if (first !== undefined) {
        if (Number(first.seq) !== sequenceOf(id)) this.removeSnapshot(id);
        return snapshotOf(first);
      }
      this.db.run(
        'INSERT OR REPLACE INTO snapshots (seq, chain_id, size, last_used) VALUES (?, ?, ?, ?)',
        sequenceOf(id),
        chainId,
        Math.trunc(size),
        this.#now(),
      );
      return { id, chainId, size };
    });
  }

  removeSnapshot(id: string): void {
    this.db.run('DELETE FROM snapshots WHERE seq = ?', sequenceOf(id));
  }

  snapshots(): readonly SnapshotRow[] {
    return this.db.all('SELECT * FROM snapshots ORDER BY seq').map(snapshotOf);
  }

  stats(directory: string): KnownFiles | null {
    return loadStats(this.db, directory);
  }

  saveStats(rows: ReadonlyMap<string, StatRow>): void {
    if (rows.size > 0) storeStats(this.db, rows, this.#now());
  }

  fact(name: string): string | null {
    const value = this.db.get('SELECT value FROM facts WHERE name = ? AND expires > ?', name, this.#now())?.value;
    return typeof value === 'string' ? value : null;
  }

  setFact(name: string, value: string, ttl: number): void {
    this.db.run('INSERT OR REPLACE INTO facts (name, value, expires) VALUES (?, ?, ?)', name, value, this.#now() + Math.trunc(ttl));
  }

  transaction<T>(body: () => T): T {
    return this.db.transaction(body);
  }

  close(): void {
    if (this.#used.size > 0) {
      const used = [...this.#used];
      this.#used.clear();
      try {
        this.db.run('UPDATE records SET last_used = ? WHERE key IN (SELECT value FROM json_each(?))', this.#now(), JSON.stringify(used));
      } catch (error) {
        // A finished build must not fail because gc will think its records older than they are.
        if (!(error instanceof TsbuildError)) throw error;
      }
    }
    this.db.close();
  }
}

/** `value` through `parse`, or null when it is not what the column should hold. */
function checked<T>(parse: (text: string) => T, value: unknown): T | null {
  return typeof value === 'string' && isDigest(value) ? parse(value) : null;
}

function parseJson(text: unknown): unknown {
  try {
    return typeof text === 'string' ? JSON.parse(text) : null;
  } catch {
    return null;
  }
}

function descriptorOf(text: unknown): Descriptor | null {
  const value = parseJson(text) as Partial<Descriptor> | null;
  const valid =
    typeof value === 'object' &&
    typeof value?.mediaType === 'string' &&
    typeof value.digest === 'string' &&
    isDigest(value.digest) &&
    Number.isSafeInteger(value.size) &&
    Number(value.size) >= 0;
  return valid ? (value as Descriptor) : null;
}

function recordOf(row: Row<IndexColumn>): BuildRecord | null {
  const key = checked(parseCacheKey, row.key);
  const outputKey = checked(parseCacheKey, row.output_key);
  const below = row.below === null ? null : checked(parseChainId, row.below);
  const diffId = checked(parseDiffId, row.diff_id);
  const blob = descriptorOf(row.blob);
  const ingredients = parseJson(row.ingredients);
  if (below === null && row.below !== null) return null;
  if (key === null || outputKey === null || diffId === null || blob === null) return null;
  if (!isTextMap(ingredients)) return null;
  return {
    key,
    outputKey,
    below,
    diffId,
    blob,
    created: Number(row.created),
    ingredients,
    slot: String(row.slot),
  };
}

function tagOf(row: Row<IndexColumn>): TagRow | null {
  const target = descriptorOf(row.target);
  return target === null ? null : { name: String(row.name), target, created: Number(row.created) };
}

const snapshotOf = (row: Row<IndexColumn>): SnapshotRow => ({
  id: Number(row.seq).toString(36),
  chainId: checked(parseChainId, row.chain_id),
  size: Number(row.size),
});

/** -1, which no row has, for a name that is no id. */
function sequenceOf(id: string): number {
  const sequence = Number.parseInt(id, 36);
  return sequence.toString(36) === id && Number.isSafeInteger(sequence) ? sequence : -1;
}

/** Opened at the first question; any number of processes may share `root`. */
export const openSqliteIndex = (root: string, options?: SqliteIndexOptions): SqliteIndex => new SqliteIndex(root, options);
