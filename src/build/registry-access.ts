// The registry as builds use it: a client made when first needed, pulls that remember where blobs
// are, layers fetched once however many ask.
import type { LayerRef } from '../core/descriptor.ts';
import type { Platform } from '../core/platform.ts';
import { parseReference, type Reference } from '../core/reference.ts';
import type { RegistryClient } from '../push/registry/client.ts';
import type { LayerFetcher } from '../push/registry/lazy-layer.ts';
import type { PulledImage } from '../push/registry/pull.ts';
import type { Session } from './session.ts';

export class RegistryAccess {
  readonly #session: Session;
  #client: Promise<RegistryClient> | null = null;
  #fetcher: Promise<LayerFetcher> | null = null;
  readonly #downloads = new Set<Promise<void>>();
  readonly #closing = new AbortController();

  constructor(session: Session) {
    this.#session = session;
  }

  client(): Promise<RegistryClient> {
    this.#client ??= openClient();
    return this.#client;
  }

  /** Manifest and config into the store, tag recorded; layers stay in the registry. */
  async pull(reference: Reference, platform: Platform): Promise<PulledImage> {
    const [{ pullImage }, client] = await Promise.all([import('../push/registry/pull.ts'), this.client()]);
    const { blobs, index, clock, signal } = this.#session;
    return pullImage({ client, reference, platform, blobs, index, now: clock(), signal });
  }

  /** Brings a layer's blob into the store; several callers share one download, which ends when all their signals have. */
  async fetchLayer(reference: Reference, layer: LayerRef, signal = this.#session.signal): Promise<void> {
    if (this.#session.blobs.has(layer.blob.digest)) return;
    this.#fetcher ??= this.#openFetcher();
    const { emit, clock } = this.#session;
    const { digest, size } = layer.blob;
    const report = (current: number, done: boolean): void =>
      emit({ type: 'progress', id: `pull ${digest}`, action: 'pull', digest, current, total: size, done, time: clock() });
    await (await this.#fetcher).layer(reference, layer).ensure({ signal, onProgress: ({ current }) => report(current, false) });
    report(size, true);
  }

  /** The same from wherever the blob was seen; nothing when it was seen nowhere. */
  async fetchSeen(layer: LayerRef, signal = this.#session.signal): Promise<void> {
    if (this.#session.blobs.has(layer.blob.digest)) return;
    const [location] = this.#session.index.locations(layer.blob.digest);
    if (location !== undefined) await this.fetchLayer(parseReference(location), layer, signal);
  }

  async #openFetcher(): Promise<LayerFetcher> {
    const [{ createLayerFetcher }, client] = await Promise.all([import('../push/registry/lazy-layer.ts'), this.client()]);
    const { blobs, leases } = this.#session;
    // Across processes one downloads while the others wait. It waits for nobody itself, so this may happen under any lease.
    const fetchBlob: RegistryClient['fetchBlob'] = (reference, blob, store, options) => {
      const signal = AbortSignal.any([this.#closing.signal, ...(options?.signal === undefined ? [] : [options.signal])]);
      const download = () => client.fetchBlob(reference, blob, store, { ...options, signal });
      const done = leases.holdInOrder(`fetch ${blob.digest}`, download, signal);
      const forget = () => this.#downloads.delete(done);
      this.#downloads.add(done);
      done.then(forget, forget);
      return done;
    };
    return createLayerFetcher({ fetchBlob }, blobs);
  }

  /** Ends downloads that nobody waits for any more, because another one failed; nothing of them stays in the store. */
  async close(): Promise<void> {
    this.#closing.abort();
    await Promise.allSettled(this.#downloads);
    const client = this.#client;
    this.#client = null;
    if (client !== null) (await client).close();
  }
}

async function openClient(): Promise<RegistryClient> {
  const [{ createRegistryClient }, { registryEnvironment }] = await Promise.all([
    import('../push/registry/client.ts'),
    import('../push/registry/environment.ts'),
  ]);
  return createRegistryClient({ environment: registryEnvironment(process.env) });
}
