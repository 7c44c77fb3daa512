// Port of the index: what the store knows about blobs. One sqlite file shared by all processes.

import type { Descriptor } from '../core/descriptor.ts';
import type { CacheKey, ChainId, ContentKey, DiffId, Digest } from '../core/digest.ts';

/** The layer that one executed vertex made. */
export interface BuildRecord {
  readonly key: CacheKey;
  /** Output identity for the keys of vertices above (see graph/cache-key.ts). */
  readonly outputKey: CacheKey;
  /** The layers it was made on; null for scratch, and for linked copies, which do not look at them. */
  readonly below: ChainId | null;
  readonly diffId: DiffId;
  readonly blob: Descriptor;
  /** Milliseconds: when the layer was made; becomes its history time (H-14). */
  readonly created: number;
  /** Named parts of the key, so that a later miss can say what changed. Values are digests or short text, never secrets. */
  readonly ingredients: Readonly<Record<string, string>>;
  /** Groups records of "the same step" across edits: stage and instruction position. */
  readonly slot: string;
}

/** What became of a record that is gone. */
export interface Eviction {
  /** Milliseconds. */
  readonly time: number;
  /** Who removed it: `prune`, `verify`. */
  readonly by: string;
}

export interface SnapshotRow {
  /** Directory name below snapshots-v1, short base36. */
  readonly id: string;
  readonly chainId: ChainId | null;
  readonly size: number;
}

export interface TagRow {
  /** Normalised reference (`docker.io/library/app:1.0`). */
  readonly name: string;
  /** Manifest or index. */
  readonly target: Descriptor;
  /** Milliseconds. */
  readonly created: number;
}

export interface StatRow {
  readonly size: number;
  /** mtime and ctime in nanoseconds. */
  readonly mtime: bigint;
  readonly ctime: bigint;
  readonly inode: bigint;
  readonly sha256: string;
}

/** Context files of one directory, in columns. */
export interface KnownFiles {
  readonly names: readonly string[];
  /** Four numbers each: size, mtime, ctime, inode. */
  readonly stamps: BigInt64Array;
  /** 64 hex digits each. */
  readonly digests: string;
}

export interface BuildIndex {
  /** Reads also refresh the record's last use. With `from`, an alias counts only if it was made from the same. */
  record(key: CacheKey, from?: string): BuildRecord | null;
  /** Newest first. */
  recordsOfSlot(slot: string, limit: number): readonly BuildRecord[];
  /** The same over all slots that begin with `prefix`. */
  recordsOfSlotGroup(prefix: string, limit: number): readonly BuildRecord[];
  saveRecord(record: BuildRecord): void;
  /**
   * An alias finds the same record under another key (definition key → content key, H-01). `from` names
   * the trees that were read when it was made.
   */
  alias(key: CacheKey, target: CacheKey, from?: string): void;
  /** Why a record that was once here is gone; by its key, or the latest of its slot. */
  eviction(of: { readonly key: CacheKey } | { readonly slot: string }): Eviction | null;
  /** Packed listing of the files behind a content key (build/solve/file-listing.ts), to say later which one changed. */
  listing(content: ContentKey): Uint8Array | null;
  saveListing(content: ContentKey, packed: Uint8Array): void;

  tag(name: string): TagRow | null;
  tags(): readonly TagRow[];
  setTag(name: string, target: Descriptor, created: number): void;
  removeTag(name: string): boolean;

  /** Where a layer blob with this diffID is: known compressed forms, oldest first. */
  blobsOfDiffId(diffId: DiffId): readonly Descriptor[];
  setDiffId(blob: Descriptor, diffId: DiffId): void;
  diffIdOfBlob(digest: Digest): DiffId | null;
  /** Repositories (`host/path`) known to hold a blob: sources for cross-repository mount. */
  locations(digest: Digest): readonly string[];
  addLocation(digest: Digest, repository: string): void;

  snapshot(chainId: ChainId): SnapshotRow | null;
  /** Reserves an id no other process will get. */
  newSnapshot(): string;
  /** Names a finished snapshot. If another process was first, its row is returned and the caller's directory is garbage. */
  commitSnapshot(id: string, chainId: ChainId, size: number): SnapshotRow;
  removeSnapshot(id: string): void;
  snapshots(): readonly SnapshotRow[];

  /** Stamps and digests of the context files in an absolute directory, whose path ends with a slash. */
  stats(directory: string): KnownFiles | null;
  /** Keyed by absolute path. */
  saveStats(rows: ReadonlyMap<string, StatRow>): void;

  /** Small facts with an expiry in milliseconds (resolved tags, tokens are never put here). */
  fact(name: string): string | null;
  setFact(name: string, value: string, ttl: number): void;

  transaction<T>(body: () => T): T;
  close(): void;
}
