// Unpacked trees: which layers of a stack are on disk, and unpacking those that are not. A snapshot
// is named by the chainID of the stack up to its layer and shared by all builds on the store.
import { statSync } from 'node:fs';
import { join } from 'node:path';
import { type ChainId, chainIdOf } from '../core/digest.ts';
import { invariant } from '../core/errors.ts';
import type { LayerToc } from '../core/file-entry.ts';
import type { SnapshotId, SnapshotStack } from '../executor/executor.ts';
import type { Layer } from './layer.ts';
import { readLayerToc } from './layer-toc.ts';
import type { Session } from './session.ts';

/** Snapshots of all layers, base first; what is missing is unpacked, once. */
export async function materialize(session: Session, layers: readonly Layer[]): Promise<SnapshotStack> {
  const stack: SnapshotId[] = [];
  for (const [at, layer] of layers.entries()) {
    const parent = [...stack];
    layer.snapshot ??= unpackLayer(session, layers.slice(0, at + 1), parent);
    stack.push(await layer.snapshot);
  }
  return stack;
}

async function unpackLayer(session: Session, layers: readonly Layer[], parent: SnapshotStack): Promise<SnapshotId> {
  const made = await Promise.all(layers.map((layer) => layer.made));
  const chain = chainIdOf(made.map((layer) => layer.ref.diffId));
  const top = layers.at(-1);
  const ref = made.at(-1)?.ref;
  invariant(chain !== null && top !== undefined && ref !== undefined, 'unpacking an empty stack');
  const known = findSnapshot(session, chain);
  if (known !== null) return known;
  await top.fetch();
  const executor = await session.executor();
  const id = session.index.newSnapshot();
  session.emit({
    type: 'progress',
    id: `unpack ${id}`,
    action: 'unpack',
    digest: ref.blob.digest,
    current: 0,
    total: ref.blob.size,
    done: false,
    time: session.clock(),
  });
  try {
    const { size } = await executor.unpack({ blob: ref.blob, diffId: ref.diffId, parent, snapshot: id });
    return nameSnapshot(session, id, chain, size);
  } catch (error) {
    await executor.discard(id).catch(() => undefined);
    session.index.removeSnapshot(id);
    throw error;
  } finally {
    session.emit({
      type: 'progress',
      id: `unpack ${id}`,
      action: 'unpack',
      digest: ref.blob.digest,
      current: ref.blob.size,
      total: ref.blob.size,
      done: true,
      time: session.clock(),
    });
  }
}

function findSnapshot(session: Session, chain: ChainId): SnapshotId | null {
  const row = session.index.snapshot(chain);
  if (row === null) return null;
  const there = statSync(join(session.root, 'snapshots-v1', row.id, 'fs'), { throwIfNoEntry: false });
  if (there?.isDirectory()) return row.id;
  session.index.removeSnapshot(row.id);
  return null;
}

/** Gives a finished tree its name. When another process was first, theirs is used and ours goes with the next prune. */
export function nameSnapshot(session: Session, id: SnapshotId, chain: ChainId, size: number): SnapshotId {
  return session.index.commitSnapshot(id, chain, size).id;
}

/** Tables of contents of a stack, base first; layers never read before are read once for it. */
export async function tocsOf(session: Session, layers: readonly Layer[]): Promise<readonly LayerToc[]> {
  return Promise.all(layers.map((layer) => tocOf(session, layer)));
}

async function tocOf(session: Session, layer: Layer): Promise<LayerToc> {
  const { ref } = await layer.made;
  const known = session.tocs.get(ref.diffId);
  if (known !== null) return known;
  await layer.fetch();
  const toc = await readLayerToc(session.blobs, ref);
  session.tocs.put(ref.diffId, toc);
  return toc;
}
