// Port: what the solver asks of whoever carries out steps (build/steps/step-runner.ts).
import type { BuildRecord } from '../../cache/build-index.ts';
import type { Vertex } from '../../graph/vertex.ts';
import type { Layer, MadeLayer, Rootfs } from './layer.ts';

/** A layer that a step has begun to make: the tree may be usable before the blob is written. */
export interface StepResult {
  readonly made: Promise<MadeLayer & { readonly diskSize?: number }>;
  readonly snapshot: string | null;
}

/** How the kinds of steps are carried out; the solver decides only when. */
export interface Steps {
  image(vertex: Vertex): Promise<readonly Layer[]>;
  /** Layer of a record; its blob may still be only in a registry. */
  recorded(record: BuildRecord): Layer;
  /** Ended by `signal`, not by the session: other builds may wait for it, too. */
  run(vertex: Vertex, base: Rootfs, signal: AbortSignal): Promise<StepResult>;
  /** Waits for a step that another build may be doing, so that its failure is told of as this build's. */
  shared(vertex: Vertex, task: () => Promise<Layer>): Promise<Layer>;
  /** What the request gives to a step beyond its key: builds that give something else do not share it. */
  given(vertex: Vertex): string;
  /** Runs the step when there is room for it beside the others. */
  admit(vertex: Vertex, signal: AbortSignal, step: () => Promise<Layer>): Promise<Layer>;
}
