import { describe, expect, it } from 'vitest';
import type { Descriptor } from '../../../src/core/descriptor.ts';
import { type Digest, digestOf, parseDiffId } from '../../../src/core/digest.ts';
import { parseReference } from '../../../src/core/reference.ts';
import type { RegistryClient } from '../../../src/push/registry/client.ts';
import { createLayerFetcher } from '../../../src/push/registry/lazy-layer.ts';
import type { TransferOptions } from '../../../src/push/registry/transfer.ts';
import { MemoryBlobStore } from '../../support/memory-blob-store.ts';

const bytes = Buffer.from('layer');
const blob: Descriptor = { mediaType: 'application/vnd.oci.image.layer.v1.tar', digest: digestOf(bytes), size: bytes.length };
const reference = parseReference('reg.io/app');

/** A client whose downloads end when the test says so. */
function setUp() {
  const store = new MemoryBlobStore();
  const downloads: { options: TransferOptions; finish: () => Promise<void>; fail: (error: Error) => void }[] = [];
  const fetchBlob = (_reference: unknown, _blob: { digest: Digest }, _store: unknown, options: TransferOptions) => {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    options.signal?.addEventListener('abort', () => reject(options.signal?.reason));
    downloads.push({ options, finish: async () => store.put(bytes).then(() => resolve()), fail: reject });
    return promise;
  };
  const fetcher = createLayerFetcher({ fetchBlob } as unknown as RegistryClient, store);
  const layer = () => fetcher.layer(reference, { blob, diffId: parseDiffId(blob.digest) });
  return { store, downloads, layer };
}

describe('a lazy layer', () => {
  it('downloads once for all who ask at the same time, and not again', async () => {
    const { downloads, layer } = setUp();
    const waiting = [layer().ensure(), layer().ensure(), layer().ensure()];
    expect(downloads.length).toBe(1);
    await downloads[0]?.finish();
    await Promise.all(waiting);
    await layer().ensure();
    expect(downloads.length).toBe(1);
  });

  it('tells everybody about progress', async () => {
    const { downloads, layer } = setUp();
    const seen: string[] = [];
    const waiting = ['a', 'b'].map((name) => layer().ensure({ onProgress: ({ current }) => seen.push(`${name}${current}`) }));
    downloads[0]?.options.onProgress?.({ digest: blob.digest, current: 3, total: 5 });
    await downloads[0]?.finish();
    await Promise.all(waiting);
    expect(seen).toEqual(['a3', 'b3']);
  });

  it('goes on for others when one gives up', async () => {
    const { downloads, layer } = setUp();
    const abort = new AbortController();
    const first = layer().ensure({ signal: abort.signal });
    const second = layer().ensure();
    abort.abort();
    await expect(first).rejects.toMatchObject({ name: 'AbortError' });
    expect(downloads[0]?.options.signal?.aborted).toBe(false);
    await downloads[0]?.finish();
    await expect(second).resolves.toBeUndefined();
  });

  it('stops when all have given up, and starts anew when asked again', async () => {
    const { downloads, layer } = setUp();
    const abort = new AbortController();
    const waiting = [layer().ensure({ signal: abort.signal }), layer().ensure({ signal: abort.signal })];
    abort.abort();
    for (const one of waiting) await expect(one).rejects.toMatchObject({ name: 'AbortError' });
    expect(downloads[0]?.options.signal?.aborted).toBe(true);
    const again = layer().ensure();
    expect(downloads.length).toBe(2);
    await downloads[1]?.finish();
    await expect(again).resolves.toBeUndefined();
  });

  it('passes a failure to all and tries again next time', async () => {
    const { downloads, layer } = setUp();
    const waiting = [layer().ensure(), layer().ensure()];
    downloads[0]?.fail(new Error('broken'));
    for (const one of waiting) await expect(one).rejects.toThrow('broken');
    const again = layer().ensure();
    expect(downloads.length).toBe(2);
    await downloads[1]?.finish();
    await again;
  });

  it('asks nothing after an abort', async () => {
    const { downloads, layer } = setUp();
    await expect(layer().ensure({ signal: AbortSignal.abort() })).rejects.toMatchObject({ name: 'AbortError' });
    expect(downloads).toEqual([]);
  });
});
