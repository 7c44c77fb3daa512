// Port of the content store. Laws, tested as a contract suite:
// - put is idempotent; success means "these bytes are stored", not "I wrote them";
// - nothing is visible under its digest before it has been hashed; a reader never sees half a blob;
// - every read is verified: a stream of a corrupt blob ends in an error 'store/corrupt-blob';
// - a crash at any write leaves only a temporary file that gc removes.
import type { Readable } from 'node:stream';
import type { Digest } from '../core/digest.ts';

export interface StoredBlob {
  readonly digest: Digest;
  readonly size: number;
}

/**
 * Hears that the first `size` bytes of a blob under way are in the file `path` and stay as they are. The file is
 * renamed or removed when its writer ends; a descriptor of it stays good.
 */
export type OnGrowth = (path: string, size: number) => void;

/** Hashes while writing. Exactly one of `commit` and `abort` ends it; `abort` after `commit` is a no-op. */
export interface BlobWriter {
  /** Resolves when the writer can take more (back-pressure); `chunk` may be reused then. Chunks are written in call order. */
  write(chunk: Uint8Array): Promise<void>;
  /** Makes the blob visible. With `expected`, a different digest or size is the error 'store/digest-mismatch' and nothing stays. */
  commit(expected?: { readonly digest: Digest; readonly size?: number }): Promise<StoredBlob>;
  abort(): Promise<void>;
}

export interface BlobStore {
  has(digest: Digest): boolean;
  /** Bytes stored, or null. */
  size(digest: Digest): number | null;
  /** Verified stream; the error 'store/missing-blob' when absent. */
  open(digest: Digest): Readable;
  /** Whole small blob, verified; refuses more than `limit` bytes (default 32 MiB). */
  read(digest: Digest, limit?: number): Promise<Buffer>;
  writer(onGrowth?: OnGrowth): BlobWriter;
  put(bytes: Uint8Array): Promise<StoredBlob>;
  /** Where the bytes are, for tools that take files; never write there. */
  path(digest: Digest): string;
  remove(digest: Digest): void;
  /** Every blob, unordered. */
  list(): Iterable<StoredBlob>;
}
