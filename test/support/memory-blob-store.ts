// BlobStore in memory for tests: same laws as the one on disk as far as one process can see them.
import { Readable } from 'node:stream';
import type { BlobStore, BlobWriter, StoredBlob } from '../../src/cache/blob-store.ts';
import { type Digest, digestOf } from '../../src/core/digest.ts';
import { TsbuildError } from '../../src/core/errors.ts';

const missing = (digest: Digest): TsbuildError =>
  new TsbuildError({ code: 'store/missing-blob', message: `blob ${digest} is not in the store` });

export class MemoryBlobStore implements BlobStore {
  readonly blobs = new Map<Digest, Buffer>();
  /** Writers that were neither committed nor aborted. */
  openWriters = 0;

  has(digest: Digest): boolean {
    return this.blobs.has(digest);
  }

  size(digest: Digest): number | null {
    return this.blobs.get(digest)?.length ?? null;
  }

  open(digest: Digest): Readable {
    const bytes = this.blobs.get(digest);
    if (bytes === undefined) throw missing(digest);
    const pieces: Buffer[] = [];
    for (let at = 0; at < bytes.length; at += 65_536) pieces.push(bytes.subarray(at, at + 65_536));
    return Readable.from(pieces, { objectMode: false });
  }

  async read(digest: Digest): Promise<Buffer> {
    const bytes = this.blobs.get(digest);
    if (bytes === undefined) throw missing(digest);
    return bytes;
  }

  writer(): BlobWriter {
    const chunks: Buffer[] = [];
    let open = true;
    this.openWriters += 1;
    const close = (): void => {
      if (open) this.openWriters -= 1;
      open = false;
    };
    return {
      write: async (chunk) => {
        chunks.push(Buffer.from(chunk));
      },
      commit: async () => {
        close();
        return this.put(Buffer.concat(chunks));
      },
      abort: async () => close(),
    };
  }

  async put(bytes: Uint8Array): Promise<StoredBlob> {
    const digest = digestOf(bytes);
    this.blobs.set(digest, Buffer.from(bytes));
    return { digest, size: bytes.length };
  }

  path(digest: Digest): string {
    return `/nonexistent/${digest}`;
  }

  remove(digest: Digest): void {
    this.blobs.delete(digest);
  }

  *list(): Iterable<StoredBlob> {
    for (const [digest, bytes] of this.blobs) yield { digest, size: bytes.length };
  }
}
