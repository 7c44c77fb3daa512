// --cache-mount-import: the first content of cache mounts that this store does not have yet. Nothing is
// fetched before a RUN needs it. Content from outside is hostile: it is unpacked like a layer, confined
// and verified, and device nodes are refused.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { CACHE_MOUNTS_DIR } from '../../cache/store-layout.ts';
import { TsbuildError } from '../../core/errors.ts';
import { familiarReference, parseReference, withDefaultTag } from '../../core/reference.ts';
import type { SnapshotId } from '../../executor/executor.ts';
import { readLayoutDirectory } from '../../push/assemble/layout-directory.ts';
import { parseManifestDocument } from '../../push/registry/manifest-document.ts';
import { asVertex } from '../as-vertex.ts';
import type { RegistryAccess } from '../registry-access.ts';
import type { Session } from '../session.ts';
import { findInLayout, hasLayout } from './cache-layout.ts';
import {
  badArtifact,
  type CacheArtifact,
  type CachePlace,
  type CacheTransfer,
  isOfImages,
  placeText,
  readCacheManifest,
} from './cache-transfer.ts';

export class CacheImports {
  readonly #session: Session;
  readonly #registry: RegistryAccess;
  readonly #places: ReadonlyMap<string, CachePlace>;
  readonly #seeds = new Map<string, Promise<SnapshotId | null>>();

  constructor(session: Session, registry: RegistryAccess, transfers: readonly CacheTransfer[]) {
    this.#session = session;
    this.#registry = registry;
    this.#places = new Map(transfers.map(({ id, place }) => [id, place]));
  }

  /** Snapshot with the content for the cache mount `id`; null when there is nothing to import, or the store has the cache. */
  seed(id: string): Promise<SnapshotId | null> {
    const place = this.#places.get(id);
    if (place === undefined) return Promise.resolve(null);
    const known = this.#seeds.get(id) ?? this.#import(id, place);
    this.#seeds.set(id, known);
    return known;
  }

  /** Removes the snapshots; steps have copied what they needed. */
  async close(): Promise<void> {
    for (const seed of this.#seeds.values()) {
      const snapshot = await seed.catch(() => null);
      if (snapshot !== null) await discard(this.#session, snapshot);
    }
  }

  async #import(id: string, place: CachePlace): Promise<SnapshotId | null> {
    if (hasCache(this.#session.root, id)) return null;
    const vertex = { id: `cache-import ${id}`, name: `importing cache mount ${id}` };
    return asVertex(this.#session, vertex, async () => {
      const artifact = place.type === 'layout' ? await this.#fromLayout(id, place.directory) : await this.#fromRegistry(place.reference);
      if (artifact !== null) return unpack(this.#session, artifact, placeText(place));
      this.#session.emit({ type: 'notice', message: `nothing to import for cache mount ${id}: ${placeText(place)} has none yet` });
      return null;
    });
  }

  async #fromLayout(id: string, directory: string): Promise<CacheArtifact | null> {
    const entry = hasLayout(directory) ? findInLayout(directory, id) : null;
    if (entry === null) return null;
    const { blobs } = this.#session;
    await readLayoutDirectory(directory, blobs, { digest: entry.digest });
    const document = parseManifestDocument(await blobs.read(entry.digest), entry.mediaType, directory);
    if (document.type === 'index') throw badArtifact(directory, 'it is an index');
    return readCacheManifest(document.manifest, directory);
  }

  async #fromRegistry(text: string): Promise<CacheArtifact | null> {
    const { blobs, signal } = this.#session;
    const client = await this.#registry.client();
    const reference = withDefaultTag(parseReference(text));
    const document = await client.fetchManifest(reference, undefined, signal).catch((error: unknown) => {
      if (error instanceof TsbuildError && error.code === 'registry/not-found') return null;
      throw error;
    });
    if (document === null) return null;
    const where = familiarReference(reference);
    if (document.type === 'index') throw badArtifact(where, 'it is an index');
    const artifact = readCacheManifest(document.manifest, where);
    await client.fetchBlob(reference, artifact.blob, blobs, { signal });
    return artifact;
  }
}

/** Whether any cache of the id has content here; that is newer than what is imported, and stays. */
function hasCache(root: string, id: string): boolean {
  const base = join(root, CACHE_MOUNTS_DIR);
  if (!existsSync(base)) return false;
  return readdirSync(base).some((name) => {
    const file = join(base, name, 'id');
    return (
      existsSync(file) && readFileSync(file, 'utf8') === `${id}\n` && readdirSync(join(base, name)).some((entry) => /^\d+$/.test(entry))
    );
  });
}

async function unpack(session: Session, { blob, diffId }: CacheArtifact, where: string): Promise<SnapshotId> {
  const { index, blobs } = session;
  const isOurs = !isOfImages(index, blob);
  const executor = await session.executor();
  const snapshot = index.newSnapshot();
  try {
    await executor.unpack({ blob, diffId, snapshot }, []);
    const odd = session.tocs.get(diffId)?.entries.find(({ type }) => type === 'char' || type === 'block');
    if (odd !== undefined) throw badArtifact(where, `it holds the device node ${JSON.stringify(odd.path)}`);
    return snapshot;
  } catch (error) {
    await discard(session, snapshot);
    throw error;
  } finally {
    if (isOurs) blobs.remove(blob.digest);
  }
}

async function discard(session: Session, snapshot: SnapshotId): Promise<void> {
  await (await session.executor()).discard(snapshot).catch(() => undefined);
  session.index.removeSnapshot(snapshot);
}
