// `tsbuild cache`: cache mounts of the store.
import { TsbuildError } from '../../core/errors.ts';
import { suggest } from '../../core/suggest.ts';
import type { CacheInfo } from '../../executor/executor.ts';
import type { Session } from '../session.ts';

export type { CacheInfo } from '../../executor/executor.ts';

/** Most recently used first. */
export async function listCaches(session: Session): Promise<readonly CacheInfo[]> {
  const caches = await (await session.executor()).listCaches();
  return caches.toSorted((a, b) => b.lastUsed - a.lastUsed || (a.name < b.name ? -1 : 1));
}

/**
 * Removes the caches with these ids, or keys (the beginning of a name, 8 digits or more); null means all.
 * Returns what went. Errors: 'build/no-such-cache', 'build/cache-in-use' (what comes before it is gone).
 */
export async function removeCaches(session: Session, wanted: readonly string[] | null): Promise<readonly CacheInfo[]> {
  const caches = await listCaches(session);
  const doomed = wanted === null ? caches : [...new Set(wanted.flatMap((text) => matching(caches, text)))];
  const executor = await session.executor();
  for (const cache of doomed) {
    if (await executor.removeCache(cache.name)) continue;
    throw new TsbuildError({
      code: 'build/cache-in-use',
      message: `cache mount ${cache.id} (${cache.name.slice(0, 12)}) is in use by a running build`,
      hint: 'try again when the build has ended',
    });
  }
  return doomed;
}

function matching(caches: readonly CacheInfo[], text: string): readonly CacheInfo[] {
  const found = caches.filter(({ id, name }) => id === text || (/^[0-9a-f]{8,32}$/.test(text) && name.startsWith(text)));
  if (found.length > 0) return found;
  const near = suggest(
    text,
    caches.map(({ id }) => id),
  );
  throw new TsbuildError({
    code: 'build/no-such-cache',
    message: `no cache mount ${JSON.stringify(text)} in the store`,
    hint: near === null ? "'tsbuild cache ls' lists what is there" : `did you mean ${near}?`,
  });
}
