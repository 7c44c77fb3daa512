// A layer as the solver sees it while a build runs: its bytes may still be in the making, only in a
// registry, or already unpacked. One Layer belongs to one position of one stack of layers.

import type { LayerRef } from '../core/descriptor.ts';
import type { ChainId } from '../core/digest.ts';
import { chainIdOf } from '../core/digest.ts';
import type { SnapshotId } from '../executor/executor.ts';

export interface MadeLayer {
  readonly ref: LayerRef;
  /** Milliseconds; absent for layers of a base image, whose history has its own times. */
  readonly created?: number;
}

export interface Layer {
  /** Settles when diffID and blob descriptor are known; a copy or run resolves it after compressing. */
  readonly made: Promise<MadeLayer>;
  /** Brings the blob into the store when it is only in a registry. Idempotent. */
  fetch(): Promise<void>;
  /** The layer's tree on disk, once somebody asked for it. */
  snapshot: Promise<SnapshotId> | null;
}

export function layerOf(made: Promise<MadeLayer>, snapshot: SnapshotId | null = null): Layer {
  // A layer nobody waits for must not turn its failure into an unhandled rejection; whoever needs it still sees it.
  made.catch(() => undefined);
  return { made, fetch: async () => {}, snapshot: snapshot === null ? null : Promise.resolve(snapshot) };
}

/** A root file system: its layers, base first. */
export interface Rootfs {
  readonly layers: readonly Layer[];
}

export async function chainOf(layers: readonly Layer[]): Promise<ChainId | null> {
  const made = await Promise.all(layers.map((layer) => layer.made));
  return chainIdOf(made.map((layer) => layer.ref.diffId));
}
