// How long the record of a step counts (`tsbuild:ttl`, docs/cache-keys.md).
import type { BuildRecord } from '../../cache/build-index.ts';
import type { Vertex } from '../../graph/vertex.ts';

/**
 * Older than its step allows at `now` (milliseconds), or as far in the future: a clock that was wrong when the
 * record was made, or is now, must not keep it for ever.
 */
export const isExpired = ({ meta }: Vertex, { created }: BuildRecord, now: number): boolean =>
  meta.ttl !== undefined && Math.abs(now - created) >= meta.ttl;
