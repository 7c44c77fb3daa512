// Base layers that are fetched when something reads them, and not before: a build of COPY and metadata
// mounts them across repositories in the registry and never downloads one.
import type { BlobStore } from '../../cache/blob-store.ts';
import type { Descriptor, LayerRef } from '../../core/descriptor.ts';
import type { Digest } from '../../core/digest.ts';
import type { Reference } from '../../core/reference.ts';
import { untilAborted } from '../../core/until-aborted.ts';
import type { RegistryClient } from './client.ts';
import type { BlobProgress, TransferOptions } from './transfer.ts';

export interface LazyLayer extends LayerRef {
  /**
   * Resolves when the store holds the blob. Callers at the same time share one download; it stops when all
   * of them have aborted. After a failure the next call tries again.
   */
  ensure(options?: TransferOptions): Promise<void>;
}

interface Download {
  readonly done: Promise<void>;
  readonly abort: AbortController;
  readonly listeners: Set<(progress: BlobProgress) => void>;
  waiting: number;
}

/** Downloads under way in one process, so that several images with a common base share them. */
export interface LayerFetcher {
  layer(reference: Reference, layer: LayerRef): LazyLayer;
}

export function createLayerFetcher(client: Pick<RegistryClient, 'fetchBlob'>, store: BlobStore): LayerFetcher {
  const downloads = new Map<Digest, Download>();

  function join(reference: Reference, blob: Descriptor): Download {
    const running = downloads.get(blob.digest);
    if (running && !running.abort.signal.aborted) return running;
    const abort = new AbortController();
    const listeners = new Set<(progress: BlobProgress) => void>();
    const onProgress = (progress: BlobProgress): void => {
      for (const listener of listeners) listener(progress);
    };
    const done = client.fetchBlob(reference, blob, store, { onProgress, signal: abort.signal });
    const download: Download = { done, abort, listeners, waiting: 0 };
    downloads.set(blob.digest, download);
    const forget = (): void => {
      if (downloads.get(blob.digest) === download) downloads.delete(blob.digest);
    };
    done.then(forget, forget);
    return download;
  }

  async function ensure(reference: Reference, blob: Descriptor, { onProgress, signal }: TransferOptions): Promise<void> {
    signal?.throwIfAborted();
    if (store.has(blob.digest)) return;
    const download = join(reference, blob);
    download.waiting += 1;
    if (onProgress) download.listeners.add(onProgress);
    try {
      await (signal === undefined ? download.done : untilAborted(download.done, signal));
    } finally {
      download.waiting -= 1;
      if (onProgress) download.listeners.delete(onProgress);
      if (download.waiting === 0) download.abort.abort();
    }
  }

  return {
    layer: (reference, layer) => ({ ...layer, ensure: (options = {}) => ensure(reference, layer.blob, options) }),
  };
}
