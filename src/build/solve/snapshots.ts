// Unpacked trees: which layers of a stack are on disk, and unpacking those that are not. A snapshot
// is named by the chainID of the stack up to its layer and shared by all builds on the store.
import { statSync } from 'node:fs';
import { join } from 'node:path';
import pLimit from 'p-limit';
import { SNAPSHOTS_DIR } from '../../cache/store-layout.ts';
import type { ChainId } from '../../core/digest.ts';
import { invariant } from '../../core/errors.ts';
import type { SnapshotId, SnapshotStack } from '../../executor/executor.ts';
import { type Session, sessionWith } from '../session.ts';
import { chainOf, type Layer } from './layer.ts';
import { layerError } from './layer-error.ts';

/** Layers that are fetched and unpacked at a time: more only take memory from each other. */
const AT_ONCE = 3;

/** Snapshots of all layers, base first; what is missing is fetched and unpacked, side by side, once. */
export async function materialize(session: Session, layers: readonly Layer[]): Promise<SnapshotStack> {
  const limit = pLimit(AT_ONCE);
  const failure = new AbortController();
  const until = AbortSignal.any([session.signal, failure.signal]);
  const begun: Promise<SnapshotId>[] = [];
  let below: Promise<SnapshotStack> = Promise.resolve([]);
  for (const [at, layer] of layers.entries()) {
    const parent = below;
    // In order: a layer begins after those below it did, so none can keep them from starting.
    const provide = (signal: AbortSignal): Promise<SnapshotId> =>
      limit(() => provideSnapshot(sessionWith(session, { signal }), layers.slice(0, at + 1), parent));
    const snapshot = layer.snapshot.join(until, provide);
    snapshot.catch((error: unknown) => failure.abort(error));
    begun.push(snapshot);
    below = Promise.all([parent, snapshot]).then(([stack, id]) => [...stack, id]);
    below.catch(() => undefined);
  }
  // Nothing goes on in the background after a failure, which ends the others.
  await Promise.allSettled(begun);
  return below;
}

/** Across processes one unpacks a layer while the others wait; they wait for layers below it only. */
async function provideSnapshot(session: Session, layers: readonly Layer[], parent: Promise<SnapshotStack>): Promise<SnapshotId> {
  const chain = await chainOf(layers);
  const top = layers.at(-1);
  session.signal.throwIfAborted();
  invariant(chain !== null && top !== undefined, 'unpacking an empty stack');
  const known = findSnapshot(session, chain);
  if (known !== null) return known;
  await top.fetch(session.signal);
  const body = async (): Promise<SnapshotId> => findSnapshot(session, chain) ?? (await unpackLayer(session, top, chain, parent));
  return session.leases.holdInOrder(`unpack ${chain}`, body, session.signal);
}

async function unpackLayer(session: Session, layer: Layer, chain: ChainId, parent: Promise<SnapshotStack>): Promise<SnapshotId> {
  const { ref } = await layer.made;
  const executor = await session.executor();
  const id = session.index.newSnapshot();
  const report = (current: number, done: boolean): void =>
    session.emit({
      type: 'progress',
      id: `unpack ${id}`,
      action: 'unpack',
      digest: ref.blob.digest,
      current,
      total: ref.blob.size,
      done,
      time: session.clock(),
    });
  report(0, false);
  try {
    const { size } = await executor.unpack({ blob: ref.blob, diffId: ref.diffId, snapshot: id }, parent);
    return nameSnapshot(session, id, chain, size);
  } catch (error) {
    await executor.discard(id).catch(() => undefined);
    session.index.removeSnapshot(id);
    throw layerError(error, layer, ref.blob.digest);
  } finally {
    report(ref.blob.size, true);
  }
}

function findSnapshot(session: Session, chain: ChainId): SnapshotId | null {
  const row = session.index.snapshot(chain);
  if (row === null) return null;
  const there = statSync(join(session.root, SNAPSHOTS_DIR, row.id, 'fs'), { throwIfNoEntry: false });
  if (there?.isDirectory()) return row.id;
  session.index.removeSnapshot(row.id);
  return null;
}

/** Gives a finished tree its name. When another process was first, theirs is used and ours goes with the next prune. */
export function nameSnapshot(session: Session, id: SnapshotId, chain: ChainId, size: number): SnapshotId {
  return session.index.commitSnapshot(id, chain, size).id;
}
