// Pushing one image, also while it is still being built: layers go up as soon as each is ready; `finish` sends
// what is left, then configs, manifests, index and tags, in that order (E-10), so that a registry never
// refers to what it does not have.
import { createReadStream } from 'node:fs';
import pLimit, { type LimitFunction } from 'p-limit';
import type { BlobStore } from '../../cache/blob-store.ts';
import type { BuildIndex } from '../../cache/build-index.ts';
import type { Descriptor } from '../../core/descriptor.ts';
import type { Digest } from '../../core/digest.ts';
import { TsbuildError } from '../../core/errors.ts';
import { type Reference, repositoryOf } from '../../core/reference.ts';
import type { RegistryClient } from './client.ts';
import type { EarlyUpload } from './early-upload.ts';
import { MAX_MANIFEST, type ManifestDocument, parseManifestDocument } from './manifest-document.ts';
import type { BlobProgress } from './transfer.ts';
import type { UploadResult } from './upload-blob.ts';

export interface PushOptions {
  readonly client: RegistryClient;
  readonly store: BlobStore;
  /** Knows where blobs were seen (mount sources) and learns where they are now. */
  readonly index: Pick<BuildIndex, 'locations' | 'addLocation'>;
  /** Brings into the store a blob that is neither there nor in the registry: a base layer nothing has read yet. */
  readonly fetchMissing?: (blob: Descriptor) => Promise<void>;
  readonly onProgress?: (progress: BlobProgress) => void;
  /** Once for each blob, with how it got there. */
  readonly onBlob?: (blob: Descriptor, result: UploadResult) => void;
  readonly signal?: AbortSignal;
}

export interface PushSession {
  /**
   * Sends a blob; resolves when the registry has it. Calls with the same digest share one transfer. A
   * failure is also kept for `finish`, so the promise may be left alone.
   */
  layer(blob: Descriptor): Promise<void>;
  /** For a layer that is still being written; hand it to `ahead` when that is done, or abandon it. */
  begin(): EarlyUpload;
  /** Sends a layer ahead of `finish`, unless the repository had it when it was last seen: then `finish` makes sure. */
  ahead(blob: Descriptor, early?: EarlyUpload): void;
  /**
   * Sends all that `root` (manifest or index in the store) still lacks, then its manifests, then `root` under the
   * session's tag, or by digest only when it has none. When nothing was sent and the tag names `root` already,
   * one request is all. Returns the root's descriptor.
   */
  finish(root: Descriptor): Promise<Descriptor>;
}

/** Uploads at a time. */
const CONCURRENCY = 6;
const READ_SIZE = 256 * 1024;

/** Layers that may not be distributed stay where they are (E-10). */
const isForeign = (mediaType: string): boolean => /\.(nondistributable\.|foreign\.)/.test(mediaType);

/** Opens nothing by itself: the first layer, or `finish`, makes the first request. */
export const openPush = (reference: Reference, options: PushOptions): PushSession => new RegistryPush(reference, options);

class RegistryPush implements PushSession {
  readonly #reference: Reference;
  readonly #options: PushOptions;
  readonly #limit: LimitFunction;
  readonly #sent = new Map<Digest, Promise<void>>();

  constructor(reference: Reference, options: PushOptions) {
    this.#reference = reference;
    this.#options = options;
    this.#limit = pLimit(CONCURRENCY);
  }

  begin(): EarlyUpload {
    return this.#options.client.beginUpload(this.#reference, this.#options.signal);
  }

  layer(blob: Descriptor, early?: EarlyUpload): Promise<void> {
    if (isForeign(blob.mediaType)) return Promise.resolve();
    const running = this.#sent.get(blob.digest);
    if (running) return running;
    const task = this.#limit(() => this.#upload(blob, early));
    this.#sent.set(blob.digest, task);
    // Reported by `finish`; until then nobody may be listening.
    task.catch(() => undefined);
    return task;
  }

  ahead(blob: Descriptor, early?: EarlyUpload): void {
    const isKnownThere = this.#options.index.locations(blob.digest).includes(repositoryOf(this.#reference));
    const sent = isKnownThere ? Promise.resolve() : this.layer(blob, early);
    // Sent by somebody else, or not at all, the bytes that went ahead are not needed.
    sent.catch(() => undefined).finally(() => early?.abandon());
  }

  async finish(root: Descriptor): Promise<Descriptor> {
    if (await this.#isThere(root)) return root;
    const documents = new Map<Digest, ManifestDocument>();
    await this.#collect(root, documents);
    const manifests = [...documents.values()].filter((document) => document.type === 'manifest');
    await settled([...this.#sent.values(), ...manifests.flatMap(({ manifest }) => manifest.layers.map((blob) => this.layer(blob)))]);
    await settled(manifests.map(({ manifest }) => this.layer(manifest.config)));

    const { tag: _tag, digest: _digest, ...name } = this.#reference;
    const { [root.digest]: top, ...below } = Object.fromEntries(documents);
    if (!top) throw new TsbuildError({ code: 'store/missing-blob', message: `manifest ${root.digest} is not in the store` });
    const others = Object.values(below);
    await settled(others.filter(({ type }) => type === 'manifest').map((document) => this.#limit(() => this.#put(name, document))));
    // An index may hold indexes: they were found children first.
    for (const document of others.filter(({ type }) => type === 'index')) await this.#put(name, document);
    await this.#put(this.#reference.digest === undefined ? this.#reference : name, top);
    this.#options.index.addLocation(root.digest, repositoryOf(this.#reference));
    return root;
  }

  /** Asked only when nothing had to be sent: otherwise the name stands for something else. */
  async #isThere(root: Descriptor): Promise<boolean> {
    const { client, signal } = this.#options;
    const { tag, digest } = this.#reference;
    if (this.#sent.size > 0 || (tag === undefined && digest === undefined)) return false;
    return (await client.tagDigest(this.#reference, signal)) === root.digest;
  }

  async #upload(blob: Descriptor, early: EarlyUpload | undefined): Promise<void> {
    const { client, store, index, onProgress, onBlob, signal } = this.#options;
    signal?.throwIfAborted();
    const upload = client.uploadBlob(this.#reference, blob, {
      knownAt: index.locations(blob.digest),
      early,
      prepare: () => this.#bringIn(blob),
      // Unverified: the registry hashes what it receives, and hashing here too would cost a core.
      open: (offset) => createReadStream(store.path(blob.digest), { start: offset, highWaterMark: READ_SIZE }),
      onProgress,
      signal,
    });
    const result = await upload.catch((error: unknown) => this.#blameStore(error, blob));
    index.addLocation(blob.digest, repositoryOf(this.#reference));
    onBlob?.(blob, result);
  }

  /** A digest the registry refuses may be ours that is wrong: reading verified then throws 'store/corrupt-blob'. */
  async #blameStore(error: unknown, blob: Descriptor): Promise<never> {
    const { store } = this.#options;
    if (error instanceof TsbuildError && error.data['status'] === 400 && store.has(blob.digest)) {
      for await (const _ of store.open(blob.digest));
    }
    throw error;
  }

  async #bringIn(blob: Descriptor): Promise<void> {
    const { store, fetchMissing } = this.#options;
    if (store.has(blob.digest)) return;
    await fetchMissing?.(blob);
    if (store.has(blob.digest)) return;
    const repository = repositoryOf(this.#reference);
    throw new TsbuildError({ code: 'store/missing-blob', message: `layer ${blob.digest} is neither in the store nor in ${repository}` });
  }

  /** Everything below `root`, children before parents; each manifest once. */
  async #collect(root: Descriptor, found: Map<Digest, ManifestDocument>): Promise<void> {
    if (found.has(root.digest)) return;
    const bytes = await this.#options.store.read(root.digest, MAX_MANIFEST);
    const document = parseManifestDocument(bytes, root.mediaType, `manifest ${root.digest}`);
    if (document.type === 'index') for (const child of document.index.manifests) await this.#collect(child, found);
    found.set(root.digest, document);
  }

  #put(target: Reference, { descriptor, bytes }: ManifestDocument): Promise<Descriptor> {
    return this.#options.client.putManifest(target, descriptor.mediaType, bytes, this.#options.signal);
  }
}

/** Waits for all, then throws the first failure: no upload goes on behind a push that was reported as failed. */
async function settled(tasks: readonly Promise<unknown>[]): Promise<void> {
  const results = await Promise.allSettled(tasks);
  for (const result of results) if (result.status === 'rejected') throw result.reason;
}
