// What a build says while it runs. Core modules emit; only the CLI prints.

import type { Diagnostic } from './diagnostic.ts';
import type { Digest } from './digest.ts';

export interface VertexInfo {
  /** Stable within one run of the process. */
  readonly id: string;
  /** As shown: `[build 2/5] RUN make`. */
  readonly name: string;
  /** Stage or target the step belongs to; steps outside stages (pull, push, context) have none. */
  readonly stage?: string;
  /** Targets of a bake that wait for the step, the one that began it first. */
  readonly targets?: readonly string[];
}

/** Where a target of a bake stands: not begun, its steps run, and how it ended. */
export type TargetState = 'waiting' | 'running' | 'built' | 'failed' | 'skipped';

export type BuildEvent =
  | { readonly type: 'vertex-started'; readonly vertex: VertexInfo; readonly time: number }
  | {
      readonly type: 'vertex-log';
      readonly id: string;
      readonly stream: 'stdout' | 'stderr';
      readonly data: Uint8Array;
      readonly time: number;
    }
  | {
      readonly type: 'vertex-finished';
      readonly vertex: VertexInfo;
      /** Reused from the cache: nothing ran. */
      readonly cached: boolean;
      readonly error?: string;
      /** Why an executed step missed the cache, one line. */
      readonly because?: string;
      readonly time: number;
    }
  /** Bytes of one blob going up or down, or a layer being made; `total` unknown while streaming. */
  | {
      readonly type: 'progress';
      readonly id: string;
      readonly action: 'pull' | 'push' | 'layer' | 'unpack' | 'context' | 'export';
      readonly digest?: Digest;
      readonly current: number;
      readonly total?: number;
      readonly done: boolean;
      readonly targets?: readonly string[];
      readonly time: number;
    }
  /** Of a bake; all targets are announced as waiting before the first one runs. */
  | { readonly type: 'target'; readonly target: string; readonly state: TargetState; readonly time: number }
  | { readonly type: 'diagnostic'; readonly diagnostic: Diagnostic }
  | { readonly type: 'notice'; readonly message: string };

export type Emit = (event: BuildEvent) => void;

/** Wall clock in milliseconds; injected where time enters results. */
export type Clock = () => number;
