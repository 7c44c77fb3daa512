// What the planner hands over besides the graph: for each platform the target vertex and the image
// metadata that folding the stage's instructions produced.
import type { ContainerConfig, HistoryEntry } from '../core/descriptor.ts';
import type { Platform } from '../core/platform.ts';
import type { BuildGraph, VertexId } from './vertex.ts';

/** One line of history; `vertex` names the layer it belongs to, absent for metadata and base entries. */
export interface HistoryDraft extends HistoryEntry {
  readonly vertex?: VertexId;
}

export interface ImagePlan {
  readonly platform: Platform;
  /** Vertex whose output is the image's root file system. */
  readonly target: VertexId;
  readonly config: ContainerConfig;
  readonly author?: string;
  /** Base history first, unchanged, then one entry per instruction. */
  readonly history: readonly HistoryDraft[];
  /** Top-level fields of the base config that we do not know, kept (G-01). */
  readonly extra?: Readonly<Record<string, unknown>>;
  /** Seconds; clamps created and history times (Z-03). */
  readonly epoch?: number;
}

export interface BuildPlan {
  readonly graph: BuildGraph;
  /** In the order the platforms were asked for. */
  readonly images: readonly ImagePlan[];
}
