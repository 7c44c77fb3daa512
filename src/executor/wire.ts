// What the main process and the executor say to each other over their socket: frames of
// [u32 length][u8 kind][payload]. Messages are structured clones, log chunks are raw bytes, so that
// output of a step is never encoded. Both ends are tsbuild itself; steps cannot reach the socket.
import { deserialize, serialize } from 'node:v8';
import type { ErrorCode } from '../core/codes.ts';
import { errnoOf, InvariantError, TsbuildError } from '../core/errors.ts';
import type {
  CopyRequest,
  DiffRequest,
  LayerFormat,
  RunRequest,
  SnapshotId,
  SnapshotStack,
  TerminalSize,
  UnpackRequest,
} from './executor.ts';

export type Call =
  | { readonly method: 'run'; readonly request: RunRequest }
  | { readonly method: 'unpack'; readonly request: UnpackRequest }
  /** `follow` asks for `grown`. */
  | { readonly method: 'diff'; readonly request: DiffRequest; readonly follow: boolean }
  | { readonly method: 'copy'; readonly request: CopyRequest; readonly follow: boolean }
  | { readonly method: 'discard'; readonly snapshot: SnapshotId }
  | { readonly method: 'list-caches' }
  | { readonly method: 'pack-cache'; readonly name: string; readonly directory: number; readonly format: LayerFormat }
  | { readonly method: 'remove-cache'; readonly name: string };

/** Main process → executor. The end of the stream means "kill everything and exit". */
export type ClientMessage =
  | { readonly type: 'call'; readonly id: number; readonly call: Call }
  | { readonly type: 'cancel'; readonly id: number }
  /** Input for the program of a `run`, null at its end. One at a time: the next follows `input-taken`. */
  | { readonly type: 'input'; readonly id: number; readonly data: Uint8Array | null }
  | { readonly type: 'signal'; readonly id: number; readonly name: NodeJS.Signals }
  | { readonly type: 'resize'; readonly id: number; readonly size: TerminalSize }
  /** The stack below an `unpack` is there; null when it will never be. */
  | { readonly type: 'parent'; readonly id: number; readonly parent: SnapshotStack | null };

export interface WireError {
  readonly kind: 'tsbuild' | 'invariant' | 'other';
  readonly message: string;
  readonly code?: ErrorCode;
  readonly hint?: string;
  readonly data?: Readonly<Record<string, unknown>>;
}

/** Executor → main process. */
export type ServerMessage =
  | { readonly type: 'ready' }
  | { readonly type: 'failed'; readonly error: WireError }
  | { readonly type: 'notice'; readonly message: string }
  /** A control group that must be removed even when the build is killed. */
  | { readonly type: 'cgroup'; readonly paths: readonly string[] }
  /** `open` is false when the program reads no more. */
  | { readonly type: 'input-taken'; readonly id: number; readonly open: boolean }
  /** How far the blob of a layer is; see OnGrowth. */
  | { readonly type: 'grown'; readonly id: number; readonly path: string; readonly size: number }
  | { readonly type: 'result'; readonly id: number; readonly value: unknown }
  | { readonly type: 'error'; readonly id: number; readonly error: WireError };

export const FRAME_MESSAGE = 0;
export const FRAME_STDOUT = 1;
export const FRAME_STDERR = 2;

const HEADER = 5;

export function encodeMessage(message: ClientMessage | ServerMessage): Buffer {
  const body = serialize(message);
  const header = Buffer.allocUnsafe(HEADER);
  header.writeUInt32LE(body.length, 0);
  header[4] = FRAME_MESSAGE;
  return Buffer.concat([header, body]);
}

/** Header of a log frame; the chunk itself is written after it without a copy. */
export function encodeLogHeader(kind: typeof FRAME_STDOUT | typeof FRAME_STDERR, id: number, length: number): Buffer {
  const header = Buffer.allocUnsafe(HEADER + 4);
  header.writeUInt32LE(length + 4, 0);
  header[4] = kind;
  header.writeUInt32LE(id, HEADER);
  return header;
}

export interface FrameHandler {
  message(message: unknown): void;
  log(stream: 'stdout' | 'stderr', id: number, data: Uint8Array): void;
}

/** Feeds stream chunks, calls the handler once per whole frame, in order. */
export class FrameDecoder {
  readonly #handler: FrameHandler;
  #chunks: Buffer[] = [];
  #length = 0;

  constructor(handler: FrameHandler) {
    this.#handler = handler;
  }

  push(chunk: Buffer): void {
    this.#chunks.push(chunk);
    this.#length += chunk.length;
    for (;;) {
      if (this.#length < HEADER) return;
      const header = this.#peek(HEADER);
      const size = header.readUInt32LE(0);
      if (this.#length < HEADER + size) return;
      const frame = this.#peek(HEADER + size);
      this.#consume(HEADER + size);
      this.#dispatch(frame[4] ?? 0, frame.subarray(HEADER, HEADER + size));
    }
  }

  /** First `size` bytes in one buffer; joins chunks at most once per frame. */
  #peek(size: number): Buffer {
    const first = this.#chunks[0];
    if (first !== undefined && first.length >= size) return first;
    const joined = Buffer.concat(this.#chunks);
    this.#chunks = [joined];
    return joined;
  }

  #consume(size: number): void {
    const first = this.#chunks[0];
    this.#length -= size;
    if (first === undefined || first.length === size) this.#chunks.shift();
    else this.#chunks[0] = first.subarray(size);
  }

  #dispatch(kind: number, payload: Buffer): void {
    if (kind === FRAME_MESSAGE) this.#handler.message(deserialize(payload));
    else this.#handler.log(kind === FRAME_STDOUT ? 'stdout' : 'stderr', payload.readUInt32LE(0), payload.subarray(4));
  }
}

const HINTS: Readonly<Record<string, string>> = {
  ENOSPC: 'The disk of the store is full: free space, or run `tsbuild prune`.',
  EDQUOT: 'The quota of the store is used up: free space, or run `tsbuild prune`.',
  EROFS: 'The store is on a read-only file system: choose another with --root.',
  EMFILE: 'Raise the limit of open files (`ulimit -n`).',
  ENOENT: 'Something that the step needs was removed or moved: leave the store alone while builds use it.',
  EACCES: 'Check that the store and the context belong to the user who builds.',
};

/** Errors cross the wire by code, so that the other side never reads message text. */
export function encodeError(thrown: unknown): WireError {
  const error = firstFailure(thrown);
  if (error instanceof TsbuildError) {
    const hint = error.hint === undefined ? {} : { hint: error.hint };
    return { kind: 'tsbuild', message: error.message, code: error.code, data: error.data, ...hint };
  }
  const errno = errnoOf(error);
  if (errno !== undefined && error instanceof Error) {
    const hint = HINTS[errno];
    return { kind: 'tsbuild', message: error.message, code: 'exec/syscall', data: { errno }, ...(hint === undefined ? {} : { hint }) };
  }
  const message = error instanceof Error ? (error.stack ?? error.message) : String(error);
  return { kind: error instanceof InvariantError ? 'invariant' : 'other', message };
}

/** What failed before the clean-up did: that usually fails for the same reason and says less. */
function firstFailure(thrown: unknown): unknown {
  let error = thrown;
  while (error instanceof SuppressedError) error = error.suppressed;
  return error;
}

export function decodeError(error: WireError): Error {
  if (error.kind === 'tsbuild' && error.code !== undefined) {
    return new TsbuildError({
      code: error.code,
      message: error.message,
      ...(error.hint === undefined ? {} : { hint: error.hint }),
      ...(error.data === undefined ? {} : { data: error.data }),
    });
  }
  return error.kind === 'invariant' ? new InvariantError(error.message) : new Error(error.message);
}
