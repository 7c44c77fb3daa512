// Port of the executor: everything that needs namespaces or foreign owners. One executor process
// lives inside the user and mount namespaces, is started at the first cache miss and dies with the
// build. It decides nothing about caching and does not touch the index; ids and paths come from
// the caller. All requests may run concurrently.

import type { Readable } from 'node:stream';
import type { OnGrowth } from '../cache/blob-store.ts';
import type { Descriptor, LayerRef } from '../core/descriptor.ts';
import type { DiffId } from '../core/digest.ts';
import type { LayerToc } from '../core/file-entry.ts';
import type { Compression } from '../core/media-types.ts';
import type { Platform } from '../core/platform.ts';
import type { CopyOp, ExecOp } from '../graph/op.ts';
import type { Refusals } from './step-refusals.ts';

/** Directory name below snapshots-v1. */
export type SnapshotId = string;
/** Base first; empty is scratch. */
export type SnapshotStack = readonly SnapshotId[];

export interface LayerFormat {
  readonly compression: Compression;
  readonly level?: number;
}

/** A finished layer, as the layer sink makes it. */
export interface LayerResult {
  readonly layer: LayerRef;
  readonly toc: LayerToc;
}

/**
 * What requests that make a layer answer: its blob and its TOC are in the store already (the executor
 * writes both; TOCs can be large and do not travel over the channel).
 */
export interface StoredLayer {
  readonly layer: LayerRef;
}

export interface UnpackRequest {
  readonly blob: Descriptor;
  /** Verified while unpacking. */
  readonly diffId: DiffId;
  readonly snapshot: SnapshotId;
}

/**
 * What a mount that reads other trees is made of; index = ExecOp input number. `identity` names the
 * content across builds (a chainID or content key): a cache mount seeded from it stays the same cache.
 */
export type MountSource =
  | { readonly type: 'stack'; readonly stack: SnapshotStack; readonly identity?: string }
  | { readonly type: 'directory'; readonly path: string; readonly excludes?: readonly string[]; readonly identity?: string };

export interface TerminalSize {
  readonly columns: number;
  readonly rows: number;
}

/** A file or directory of the host, absolute and without links. Never in builds. */
export interface HostBind {
  readonly source: string;
  readonly target: string;
  readonly readonly: boolean;
}

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
  /** Bytes; swap is not granted beyond it. */
  readonly memory?: number;
  /** CPUs, may be a fraction. */
  readonly cpus?: number;
  /** --no-cache applies to the step: cache mounts with a shape of their own start afresh (M-36). */
  readonly noCache?: boolean;
  /** The program reads what `RunInput.stdin` says; without it, its input is empty. */
  readonly stdin?: boolean;
  /** The program gets what `RunInput.onSignal` says. */
  readonly signals?: boolean;
  /** The program gets a terminal of this size; its output arrives as stdout. */
  readonly terminal?: TerminalSize;
  readonly hostBinds?: readonly HostBind[];
  /** Cache mount id → snapshot whose tree is the first content of a cache that is not there yet. */
  readonly cacheSeeds?: Readonly<Record<string, SnapshotId>>;
}

/** What goes into a running program. */
export interface RunInput {
  /** Read only as fast as the program takes it; its end is the program's end of input. */
  readonly stdin?: Readable;
  /** Calls back with each new size of the terminal; returns what ends that. */
  onResize?(listener: (size: TerminalSize) => void): () => void;
  /** Calls back with each signal that the program should get; returns what ends that. */
  onSignal?(listener: (name: NodeJS.Signals) => void): () => void;
}

export interface RunResult {
  readonly exitCode: number;
  /** The program could not be started: it is not there, or is nothing that can be run by this user. */
  readonly notStarted?: 'missing' | 'unusable';
  /** Signal name when the process was killed; `oom` when the kernel killed it for memory. */
  readonly killedBy?: string;
}

/** A stack whose TOCs are in the TOC store and whose snapshots are unpacked; both base first and equally long. */
export interface StackRef {
  readonly stack: SnapshotStack;
  readonly diffIds: readonly DiffId[];
}

export interface CopyRequest {
  readonly op: CopyOp;
  /** Layers of the destination tree, base first; only their TOCs are read. */
  readonly base: readonly DiffId[];
  /** By input number: stages and images, and directories of this machine when one COPY/ADD mixes both. */
  readonly sources: Readonly<Record<number, StackRef | { readonly directory: string; readonly ignore: string }>>;
  /** Time of directories and heredocs that the copy makes, seconds. */
  readonly time: number;
  readonly format: LayerFormat;
}

export interface DiffRequest {
  readonly snapshot: SnapshotId;
  /** Looked at only for opaque directories. */
  readonly parent: SnapshotStack;
  readonly format: LayerFormat;
}

/** One cache mount of the store. */
export interface CacheInfo {
  /** Directory below cache-mounts-v1; caches of one id that differ in seed or shape have several. */
  readonly name: string;
  /** As in RUN --mount=type=cache,id=…. */
  readonly id: string;
  /** Allocated bytes. */
  readonly size: number;
  /** Milliseconds. */
  readonly lastUsed: number;
  readonly inUse: boolean;
  /** Its numbered directories, most recently used first: several when steps had private ones at once. */
  readonly directories: readonly number[];
}

export interface Executor {
  /** What the kernel refuses to its steps. */
  readonly refusals: Refusals;
  /**
   * Unpacks a layer into its snapshot and stores its TOC. `size` is the bytes on disk. `parent` is the
   * stack below, for hard links, whiteouts and directories that reach into it; it may be unpacked meanwhile.
   */
  unpack(request: UnpackRequest, parent: SnapshotStack | Promise<SnapshotStack>): Promise<{ readonly size: number }>;
  /** Log chunks arrive as the process writes them. Resolves also for a non-zero exit; rejects when the step could not be started. */
  run(
    request: RunRequest,
    onLog: (stream: 'stdout' | 'stderr', data: Uint8Array) => void,
    signal: AbortSignal,
    input?: RunInput,
  ): Promise<RunResult>;
  /** Turns the changes of a finished snapshot into a layer. `size` is the bytes on disk. */
  diff(request: DiffRequest, onGrowth?: OnGrowth): Promise<StoredLayer & { readonly size: number }>;
  copy(request: CopyRequest, onGrowth?: OnGrowth): Promise<StoredLayer>;
  discard(snapshot: SnapshotId): Promise<void>;
  listCaches(): Promise<readonly CacheInfo[]>;
  /** The content of one directory of a cache mount as a layer. Waits while a step uses it. */
  packCache(name: string, directory: number, format: LayerFormat, signal: AbortSignal): Promise<StoredLayer>;
  /** False when a step uses it. */
  removeCache(name: string): Promise<boolean>;
  /** Kills what still runs, unmounts, ends the process. Idempotent. */
  close(): Promise<void>;
}
