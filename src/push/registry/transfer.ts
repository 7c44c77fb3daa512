// What up- and downloads share: progress, and the digest and size that bind every byte.
import type { Digest } from '../../core/digest.ts';

export interface BlobProgress {
  readonly digest: Digest;
  /** Bytes; may fall when a transfer starts over. */
  readonly current: number;
  readonly total: number;
}

export interface TransferOptions {
  readonly onProgress?: ((progress: BlobProgress) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
}

export const pullScope = (path: string): string => `repository:${path}:pull`;
export const pushScope = (path: string): string => `repository:${path}:pull,push`;
