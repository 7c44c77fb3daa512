// Port of the executor: everything that needs namespaces or foreign owners. One executor process
// lives inside the user and mount namespaces, is started at the first cache miss and dies with the
// build. It decides nothing about caching and does not touch the index; ids and paths come from
// the caller. All requests may run concurrently.

import type { Descriptor, LayerRef } from '../core/descriptor.ts';
import type { LayerToc } from '../core/file-entry.ts';
import type { Compression } from '../core/media-types.ts';
import type { Platform } from '../core/platform.ts';
import type { CopyOp, ExecOp } from '../graph/op.ts';

/** Directory name below snapshots-v1. */
export type SnapshotId = string;
/** Base first; empty is scratch. */
export type SnapshotStack = readonly SnapshotId[];

export interface LayerFormat {
  readonly compression: Compression;
  readonly level?: number;
}

/** A finished layer. Its blob is in the store; the caller stores the TOC. */
export interface LayerResult {
  readonly layer: LayerRef;
  readonly toc: LayerToc;
}

export interface UnpackRequest {
  readonly blob: Descriptor;
  /** Layers below, for hard links and implied directories that reach into them. */
  readonly parent: SnapshotStack;
  readonly snapshot: SnapshotId;
}

/** What a mount that reads other trees is made of; index = ExecOp input number. */
export type MountSource =
  | { readonly type: 'stack'; readonly stack: SnapshotStack }
  | { readonly type: 'directory'; readonly path: string; readonly excludes?: readonly string[] };

export interface RunRequest {
  readonly id: string;
  readonly op: ExecOp;
  readonly root: SnapshotStack;
  /** Receives the changes; a valid parent for other requests once `run` resolves with exit code 0. */
  readonly snapshot: SnapshotId;
  readonly sources: Readonly<Record<number, MountSource>>;
  /** Extra environment outside the key: proxies and secret variables. */
  readonly extraEnv: readonly string[];
  readonly secrets: Readonly<Record<string, Uint8Array>>;
  /** ssh mount id → agent socket on the host. */
  readonly sshSockets: Readonly<Record<string, string>>;
  readonly platform: Platform;
  readonly memory?: number;
  readonly cpus?: number;
}

export interface RunResult {
  readonly exitCode: number;
  /** Signal name when the process was killed; `oom` when the kernel killed it for memory. */
  readonly killedBy?: string;
}

export interface CopyRequest {
  readonly op: CopyOp;
  /** Merged tables of contents of the destination tree and of each source input, base first. */
  readonly base: readonly LayerToc[];
  readonly sources: Readonly<Record<number, { readonly stack: SnapshotStack; readonly tocs: readonly LayerToc[] }>>;
  /** Time of directories and heredocs that the copy makes, seconds. */
  readonly time: number;
  readonly format: LayerFormat;
}

export interface Executor {
  unpack(request: UnpackRequest): Promise<{ readonly size: number; readonly toc: LayerToc }>;
  /** Log chunks arrive as the process writes them. Resolves also for a non-zero exit; rejects when the step could not be started. */
  run(request: RunRequest, onLog: (stream: 'stdout' | 'stderr', data: Uint8Array) => void, signal: AbortSignal): Promise<RunResult>;
  /** Turns the changes of a finished snapshot into a layer. */
  diff(snapshot: SnapshotId, parent: readonly LayerToc[], format: LayerFormat): Promise<LayerResult & { readonly size: number }>;
  copy(request: CopyRequest): Promise<LayerResult>;
  discard(snapshot: SnapshotId): Promise<void>;
  /** Kills what still runs, unmounts, ends the process. Idempotent. */
  close(): Promise<void>;
}
