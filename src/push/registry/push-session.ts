// Pushing one image, also while it is still being built: layers go up as soon as each is ready; `finish` sends
// what is left, then configs, manifests, index and tags, in that order (E-10), so that a registry never
// refers to what it does not have.
import { createReadStream } from 'node:fs';
import pLimit from 'p-limit';
import type { BlobStore } from '../../cache/blob-store.ts';
import type { BuildIndex } from '../../cache/build-index.ts';
import type { Descriptor } from '../../core/descriptor.ts';
import type { Digest } from '../../core/digest.ts';
import { TsbuildError } from '../../core/errors.ts';
import { isIndexType } from '../../core/media-types.ts';
import { type Reference, repositoryOf, withDefaultTag } from '../../core/reference.ts';
import type { RegistryClient } from './client.ts';
import { MAX_MANIFEST, type ManifestDocument, parseManifestDocument } from './manifest-document.ts';
import type { BlobProgress } from './transfer.ts';
import type { UploadResult } from './upload-blob.ts';

export interface PushOptions {
  readonly client: RegistryClient;
  readonly store: BlobStore;
  /** Knows where blobs were seen (mount sources) and learns where they are now. */
  readonly index: Pick<BuildIndex, 'locations' | 'addLocation'>;
  /** Uploads at a time; default 6. */
  readonly concurrency?: number;
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
  /**
   * Sends all that `root` (manifest or index in the store) still lacks, then its manifests, then `root` under the
   * session's reference and the further `tags`. Returns the root's descriptor.
   */
  finish(root: Descriptor, tags?: readonly string[]): Promise<Descriptor>;
}

const DEFAULT_CONCURRENCY = 6;
const READ_SIZE = 256 * 1024;

/** Layers that may not be distributed stay where they are (E-10). */
const isForeign = (mediaType: string): boolean => /\.(nondistributable\.|foreign\.)/.test(mediaType);

/** Opens nothing by itself: the first layer, or `finish`, makes the first request. */
export function openPush(reference: Reference, options: PushOptions): PushSession {
  const { client, store, index, signal, onProgress, onBlob } = options;
  const limit = pLimit(options.concurrency ?? DEFAULT_CONCURRENCY);
  const sent = new Map<Digest, Promise<void>>();
  const repository = repositoryOf(reference);

  async function upload(blob: Descriptor): Promise<void> {
    signal?.throwIfAborted();
    const result = await client
      .uploadBlob(reference, blob, {
        knownAt: index.locations(blob.digest),
        prepare: () => bringIn(blob),
        // Unverified: the registry hashes what it receives, and hashing here too would cost a core.
        open: (offset) => createReadStream(store.path(blob.digest), { start: offset, highWaterMark: READ_SIZE }),
        onProgress,
        signal,
      })
      .catch((error: unknown) => blameStore(error, blob));
    index.addLocation(blob.digest, repository);
    onBlob?.(blob, result);
  }

  /** A digest the registry refuses may be ours that is wrong: reading verified then throws 'store/corrupt-blob'. */
  async function blameStore(error: unknown, blob: Descriptor): Promise<never> {
    if (error instanceof TsbuildError && error.data['status'] === 400 && store.has(blob.digest)) {
      for await (const _ of store.open(blob.digest));
    }
    throw error;
  }

  async function bringIn(blob: Descriptor): Promise<void> {
    if (store.has(blob.digest)) return;
    await options.fetchMissing?.(blob);
    if (store.has(blob.digest)) return;
    throw new TsbuildError({ code: 'store/missing-blob', message: `layer ${blob.digest} is neither in the store nor in ${repository}` });
  }

  function send(blob: Descriptor): Promise<void> {
    if (isForeign(blob.mediaType)) return Promise.resolve();
    const running = sent.get(blob.digest);
    if (running) return running;
    const task = limit(() => upload(blob));
    sent.set(blob.digest, task);
    // Reported by `finish`; until then nobody may be listening.
    task.catch(() => undefined);
    return task;
  }

  async function readDocument(descriptor: Descriptor): Promise<ManifestDocument> {
    const bytes = await store.read(descriptor.digest, MAX_MANIFEST);
    return parseManifestDocument(bytes, descriptor.mediaType, `manifest ${descriptor.digest}`);
  }

  /** Everything below `root`, children before parents; each manifest once. */
  async function collect(root: Descriptor, found: Map<Digest, ManifestDocument>): Promise<void> {
    if (found.has(root.digest)) return;
    const document = await readDocument(root);
    if (document.type === 'index') for (const child of document.index.manifests) await collect(child, found);
    found.set(root.digest, document);
  }

  return {
    layer: send,
    async finish(root, tags = []) {
      const documents = new Map<Digest, ManifestDocument>();
      await collect(root, documents);
      const manifests = [...documents.values()].filter((document) => document.type === 'manifest');
      await settled([...sent.values(), ...manifests.flatMap(({ manifest }) => manifest.layers.map(send))]);
      await settled(manifests.map(({ manifest }) => send(manifest.config)));

      const top = documents.get(root.digest);
      const { tag: _tag, digest: _digest, ...name } = reference;
      const put = (target: Reference, { descriptor, bytes }: ManifestDocument): Promise<Descriptor> =>
        client.putManifest(target, descriptor.mediaType, bytes, signal);
      const below = [...documents.values()].filter((document) => document !== top);
      await settled(below.filter(({ type }) => type === 'manifest').map((document) => limit(() => put(name, document))));
      // Indexes may hold indexes: the order of discovery is children first.
      for (const document of below.filter(({ descriptor }) => isIndexType(descriptor.mediaType))) await put(name, document);
      if (!top) throw new TsbuildError({ code: 'store/missing-blob', message: `manifest ${root.digest} is not in the store` });
      await put(reference.digest === undefined ? withDefaultTag(reference) : name, top);
      for (const tag of tags) if (tag !== reference.tag) await put({ ...name, tag }, top);
      index.addLocation(root.digest, repository);
      return root;
    },
  };
}

/**
 * Pushes a finished image from the store. When the registry's tag already names it, one request is all.
 * Resolves with the root's descriptor.
 */
export async function pushImage(
  reference: Reference,
  root: Descriptor,
  options: PushOptions & { readonly tags?: readonly string[] },
): Promise<Descriptor> {
  const tags = options.tags ?? [];
  if (tags.length === 0 && (await isCurrent(reference, root, options))) return root;
  return openPush(reference, options).finish(root, tags);
}

async function isCurrent(reference: Reference, root: Descriptor, { client, signal }: PushOptions): Promise<boolean> {
  const tagged = withDefaultTag(reference);
  return (await client.tagDigest(tagged, signal)) === root.digest;
}

/** Waits for all, then throws the first failure: no upload goes on behind a push that was reported as failed. */
async function settled(tasks: readonly Promise<unknown>[]): Promise<void> {
  const results = await Promise.allSettled(tasks);
  for (const result of results) if (result.status === 'rejected') throw result.reason;
}
