// A layer as the solver sees it while a build runs: its bytes may still be in the making, only in a
// registry, or already unpacked. One Layer belongs to one position of one stack of layers.

import type { OnGrowth } from '../../cache/blob-store.ts';
import type { LayerRef } from '../../core/descriptor.ts';
import { type ChainId, extendChain } from '../../core/digest.ts';
import type { LayerToc } from '../../core/file-entry.ts';
import type { SnapshotId } from '../../executor/executor.ts';
import type { MergedTree } from '../../executor/layer/merged-tree.ts';
import type { VertexId } from '../../graph/vertex.ts';
import { SharedTask } from '../shared-task.ts';

export interface MadeLayer {
  readonly ref: LayerRef;
  /** Milliseconds; absent for layers of a base image, whose history has its own times. */
  readonly created?: number;
}

export interface Layer {
  /** Settles when diffID and blob descriptor are known; a copy or run resolves it after compressing. */
  readonly made: Promise<MadeLayer>;
  /** The base image that brings it, as people name it. */
  readonly image?: string;
  /** Brings the blob into the store when it is only in a registry; idempotent, and ended by the signal. */
  fetch(signal: AbortSignal): Promise<void>;
  /** The layer's tree on disk. */
  readonly snapshot: SharedTask<SnapshotId>;
  /** Steps on top of it, by what they are; see LayerPositions. */
  steps?: StepTasks;
  /** Table of contents, while it is at hand. */
  toc?: Pick<WeakRef<LayerToc>, 'deref'>;
  /** Files of the stack up to here, while somebody uses them. */
  tree?: WeakRef<MergedTree>;
  /** chainID of the stack up to here, once somebody asked for it. */
  chain?: ChainId;
}

/** Hears how far the blob of a layer is while it is written. */
export interface LayerFollower {
  readonly grown: OnGrowth;
  /** The layer will not be made. */
  abandon(): void;
}

/** Hears of the layers that a build ships. */
export interface ShippedLayers {
  /** Before a step runs; null when nobody follows its layer. */
  follow(vertex: VertexId): LayerFollower | null;
  /** As soon as the layer is begun, or found. */
  layer(vertex: VertexId, layer: Layer): void;
}

export type StepTasks = Map<string, SharedTask<Layer>>;

export function layerOf(made: Promise<MadeLayer>, snapshot: SnapshotId | null = null): Layer {
  // A layer nobody waits for must not turn its failure into an unhandled rejection; whoever needs it still sees it.
  made.catch(() => undefined);
  return { made, fetch: async () => {}, snapshot: snapshot === null ? new SharedTask() : SharedTask.of(snapshot) };
}

/** A root file system: its layers, base first. */
export interface Rootfs {
  readonly layers: readonly Layer[];
}

/** chainID of a stack; null for scratch. Computed once for each layer, however often it is asked for. */
export async function chainOf(layers: readonly Layer[]): Promise<ChainId | null> {
  let first = layers.length;
  while (first > 0 && layers[first - 1]?.chain === undefined) first -= 1;
  let below: ChainId | null = layers[first - 1]?.chain ?? null;
  for (const layer of layers.slice(first)) {
    layer.chain ??= extendChain(below, (await layer.made).ref.diffId);
    below = layer.chain;
  }
  return below;
}
