// `du`, `prune` and `verify`.
import { diskUsage } from '../cache/gc/disk-usage.ts';
import { type PruneOptions, type PruneResult, prune } from '../cache/gc/prune.ts';
import type { Session } from './session.ts';

export type { PruneOptions, PruneResult } from '../cache/gc/prune.ts';
export { verifyStore } from '../cache/gc/verify-store.ts';
export { giveUpReserve } from '../cache/space-reserve.ts';
export { diskUsage };

/** Trees that a rootless build unpacked belong to ids of its user namespace: only the executor can remove them. */
export function pruneStore(session: Session, options: PruneOptions): Promise<PruneResult> {
  const onNotice = (message: string): void => session.emit({ type: 'notice', message });
  if (process.getuid?.() === 0) return prune(session.root, { ...options, onNotice });
  return prune(session.root, { ...options, onNotice, removeSnapshot: async (id) => (await session.executor()).discard(id) });
}
