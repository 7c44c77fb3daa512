// --cache-mount-export: after a build that worked, the content of cache mounts goes into layout
// directories and registries. Of caches with the same id the one used last travels.
import type { Descriptor } from '../../core/descriptor.ts';
import { TsbuildError } from '../../core/errors.ts';
import { OCI_MANIFEST } from '../../core/media-types.ts';
import { parseReference, withDefaultTag } from '../../core/reference.ts';
import { suggest } from '../../core/suggest.ts';
import type { CacheInfo } from '../../executor/executor.ts';
import type { BuildPlan } from '../../graph/image-plan.ts';
import { asVertex } from '../as-vertex.ts';
import { openPushTo } from '../outputs/push-output.ts';
import type { RegistryAccess } from '../registry-access.ts';
import type { Session } from '../session.ts';
import { writeCacheLayout } from './cache-layout.ts';
import { type CacheTransfer, cacheManifest, EMPTY_CONFIG, isOfImages, placeText } from './cache-transfer.ts';

/** Ids of cache mounts in the plan. */
export const cacheIds = (plan: BuildPlan): ReadonlySet<string> =>
  new Set(
    plan.graph.vertices.flatMap(({ op }) =>
      op.type === 'exec' ? op.mounts.flatMap((mount) => (mount.type === 'cache' ? [mount.id] : [])) : [],
    ),
  );

/** Before anything is built: a mistyped id would otherwise show only at the end. Error: 'build/cache-transfer'. */
export function checkTransfers(plan: BuildPlan, transfers: readonly CacheTransfer[]): void {
  if (transfers.length === 0) return;
  const known = cacheIds(plan);
  for (const { id } of transfers) {
    if (known.has(id)) continue;
    const near = suggest(id, [...known]);
    throw new TsbuildError({
      code: 'build/cache-transfer',
      message: `no RUN of this build has a cache mount with id ${JSON.stringify(id)}`,
      hint:
        near !== null
          ? `did you mean ${near}?`
          : known.size === 0
            ? 'give a RUN one with --mount=type=cache,id=ID,target=DIR'
            : `ids are ${[...known].slice(0, 20).join(', ')}; without id= it is the target`,
    });
  }
}

export async function exportCaches(session: Session, registry: RegistryAccess, transfers: readonly CacheTransfer[]): Promise<void> {
  if (transfers.length === 0) return;
  const executor = await session.executor();
  const caches = await executor.listCaches();
  for (const transfer of transfers) {
    const vertex = { id: `cache-export ${transfer.id} ${placeText(transfer.place)}`, name: `exporting cache mount ${transfer.id}` };
    await asVertex(session, vertex, async () => exportCache(session, registry, transfer, latest(caches, transfer.id)));
  }
}

function latest(caches: readonly CacheInfo[], id: string): CacheInfo {
  const [first] = caches.filter((cache) => cache.id === id && cache.directories.length > 0).toSorted((a, b) => b.lastUsed - a.lastUsed);
  if (first !== undefined) return first;
  throw new TsbuildError({
    code: 'build/cache-transfer',
    message: `cache mount ${id} is not in the store: its RUN came from the cache, and the mount was removed since`,
    hint: 'build with --no-cache once, or leave the export out',
  });
}

async function exportCache(session: Session, registry: RegistryAccess, { id, place }: CacheTransfer, cache: CacheInfo): Promise<void> {
  const executor = await session.executor();
  const packed = await executor.packCache(cache.name, cache.directories[0] ?? 0, { compression: 'zstd' }, session.signal);
  const isOurs = !isOfImages(session.index, packed.layer.blob);
  const config = await session.blobs.put(EMPTY_CONFIG);
  const manifest = cacheManifest(id, packed, config);
  const { digest, size } = await session.blobs.put(Buffer.from(JSON.stringify(manifest)));
  const root: Descriptor = { mediaType: OCI_MANIFEST, digest, size };
  try {
    if (place.type === 'layout') await writeCacheLayout(session, place.directory, { id, root, manifest });
    else await (await openPushTo({ session, registry }, withDefaultTag(parseReference(place.reference)))).finish(root);
  } finally {
    session.blobs.remove(digest);
    if (isOurs) session.blobs.remove(packed.layer.blob.digest);
  }
}
