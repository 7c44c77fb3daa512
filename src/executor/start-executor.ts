// The executor as the rest of tsbuild sees it: `startExecutor` launches the process, waits until it
// is ready and returns the port. Ending the socket, for whatever reason, ends the process, and with
// it its pid and mount namespaces.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { OnGrowth } from '../cache/blob-store.ts';
import { InvariantError, TsbuildError } from '../core/errors.ts';
import { type CgroupKeeper, startCgroupKeeper } from './cgroup-keeper.ts';
import type {
  CacheInfo,
  CopyRequest,
  DiffRequest,
  Executor,
  LayerFormat,
  RunInput,
  RunRequest,
  RunResult,
  SnapshotId,
  SnapshotStack,
  StoredLayer,
  UnpackRequest,
} from './executor.ts';
import {
  callerIdentity,
  type Isolation,
  type IsolationMode,
  isolationChoices,
  type Launch,
  launchExecutor,
  missingUnshare,
} from './launch.ts';
import { NODE_FLAGS } from './node-flags.ts';
import type { InputSender } from './sandbox/terminal/terminal-sender.ts';
import { type Refusals, refusalsOf } from './step-refusals.ts';
import { type Call, type ClientMessage, decodeError, encodeMessage, FrameDecoder, type ServerMessage } from './wire.ts';

export interface StartOptions {
  /** Store root; snapshots are below snapshots-v1. */
  readonly root: string;
  /** One sentence the user should know once: something is missing and the build goes on without. */
  readonly notice: (message: string) => void;
  /** 'auto' takes the best that works; 'fuse' and 'copy' the best with namespaces, but without the kernel's overlays. */
  readonly isolation?: IsolationMode;
  /** Program of the executor process; default: the one that belongs to this file. */
  readonly entry?: string;
  /** Node flags for it; default: those that keep it small. */
  readonly execArgv?: readonly string[];
}

type LogSink = (stream: 'stdout' | 'stderr', data: Uint8Array) => void;

/** What a call hears before its result. */
interface CallListener {
  readonly onLog?: LogSink | undefined;
  readonly onGrowth?: OnGrowth | undefined;
}

interface Pending extends CallListener {
  resolve(value: unknown): void;
  reject(error: Error): void;
}

/** Begins to send input to the program of a call. */
type OpenInput = (id: number, send: (message: ClientMessage) => void) => InputSender;

const CLOSE_TIMEOUT = 5_000;

/** Errors are TsbuildErrors 'exec/…' that say what the host lacks. */
export async function startExecutor(options: StartOptions): Promise<Executor> {
  const launchOptions = {
    ...executorCommand(options),
    root: options.root,
    trees: options.isolation === 'fuse' || options.isolation === 'copy' ? options.isolation : ('auto' as const),
  };
  const mode = options.isolation ?? 'auto';
  const choices = isolationChoices(mode);
  for (const [position, isolation] of choices.entries()) {
    try {
      const client = new ExecutorClient(await launchExecutor(isolation, launchOptions), isolation, mode, options.notice);
      await client.ready;
      return client;
    } catch (error) {
      const next = choices[position + 1];
      if (next === undefined || !(error instanceof TsbuildError) || !FALLS_BACK.has(error.code)) throw error;
    }
  }
  throw new InvariantError('no isolation to try');
}

/** The program of the executor, as this process runs: from its source, or from the bundle with a snapshot or without. */
function executorCommand({ entry, execArgv = NODE_FLAGS }: StartOptions): { readonly entry: string; readonly execArgv: readonly string[] } {
  if (entry !== undefined) return { entry, execArgv };
  const here = import.meta.dirname;
  if (import.meta.filename.endsWith('.ts')) return { entry: join(here, 'main.ts'), execArgv };
  const bundled = join(here, 'executor.cjs');
  const blob = join(here, 'executor.blob');
  // Made together with the snapshot of this process, so it fits when that did (bin/tsbuild).
  if (!process.execArgv.includes('--snapshot-blob') || !existsSync(blob)) return { entry: bundled, execArgv };
  return { entry: bundled, execArgv: [...execArgv, '--snapshot-blob', blob] };
}

const FALLS_BACK: ReadonlySet<string> = new Set([
  'exec/no-namespaces',
  'exec/no-user-namespace',
  'exec/no-mount',
  'exec/no-uidmap',
  'exec/uidmap-failed',
  'exec/no-unshare',
]);
/** Said with the first step: other work does not suffer. */
const LACKS: Readonly<Partial<Record<Isolation, string>>> = {
  single:
    'this user has no ranges in /etc/subuid and /etc/subgid (or newuidmap is missing): steps can only use one user id, and commands that change owners may fail; `tsbuild doctor` says how to improve it',
  chroot:
    'namespaces are not permitted here: steps run in a chroot without isolation of processes and network; `tsbuild doctor` says how to improve it',
};

class ExecutorClient implements Executor {
  readonly ready: Promise<void>;
  readonly refusals: Refusals;
  readonly #launch: Launch;
  readonly #pending = new Map<number, Pending>();
  readonly #notice: (message: string) => void;
  readonly #exited: Promise<void>;
  readonly #senders = new Map<number, InputSender>();
  #nextId = 1;
  #closing = false;
  /** Why it ended by itself. */
  #died: Error | undefined;
  #started = false;
  #keeper: CgroupKeeper | undefined;
  #lacks: string | undefined;
  #settleReady: { resolve(): void; reject(error: Error): void } = { resolve() {}, reject() {} };

  constructor(launch: Launch, isolation: Isolation, mode: IsolationMode, notice: (message: string) => void) {
    this.#launch = launch;
    this.refusals = refusalsOf(isolation, mode);
    // Other users cannot run steps in a chroot at all.
    this.#lacks = isolation === 'chroot' && callerIdentity().uid !== 0 ? undefined : LACKS[isolation];
    this.#notice = notice;
    this.ready = new Promise((resolve, reject) => {
      this.#settleReady = { resolve, reject };
    });
    const decoder = new FrameDecoder({
      message: (message) => this.#receive(message as ServerMessage),
      log: (stream, id, data) => this.#pending.get(id)?.onLog?.(stream, data),
    });
    launch.socket.on('data', (chunk: Buffer) => decoder.push(chunk));
    launch.socket.on('error', () => {});
    launch.child.once('error', (cause) => this.#end(missingUnshare(cause)));
    this.#exited = new Promise((resolve) => {
      launch.child.once('close', (code, signal) => {
        this.#end(endedError(launch.stderr(), this.#started || isKill(code, signal)));
        resolve();
      });
      launch.child.once('error', () => resolve());
    });
  }

  unpack(request: UnpackRequest, parent: SnapshotStack | Promise<SnapshotStack>): Promise<{ readonly size: number }> {
    const id = this.#nextId;
    const unpacked = this.#call<{ readonly size: number }>({ method: 'unpack', request });
    const send = (stack: SnapshotStack | null): void => {
      if (!this.#closing) this.#launch.socket.write(encodeMessage({ type: 'parent', id, parent: stack }));
    };
    if (!(parent instanceof Promise)) {
      send(parent);
      return unpacked;
    }
    parent.then(send, () => send(null));
    // The failure below is the one to report, once nothing writes to the tree any more.
    return Promise.allSettled([unpacked, parent]).then(() => parent.then(() => unpacked));
  }

  async run(request: RunRequest, onLog: LogSink, signal: AbortSignal, input?: RunInput): Promise<RunResult> {
    if (this.#lacks !== undefined) this.#notice(this.#lacks);
    this.#lacks = undefined;
    if (input === undefined) return this.#call({ method: 'run', request }, { onLog }, signal);
    const { InputSender: Sender } = await import('./sandbox/terminal/terminal-sender.ts');
    return this.#call({ method: 'run', request }, { onLog }, signal, (id, send) => new Sender(id, input, send));
  }

  diff(request: DiffRequest, onGrowth?: OnGrowth): Promise<StoredLayer & { readonly size: number }> {
    return this.#call({ method: 'diff', request, follow: onGrowth !== undefined }, { onGrowth });
  }

  copy(request: CopyRequest, onGrowth?: OnGrowth): Promise<StoredLayer> {
    return this.#call({ method: 'copy', request, follow: onGrowth !== undefined }, { onGrowth });
  }

  discard(snapshot: SnapshotId): Promise<void> {
    return this.#call({ method: 'discard', snapshot });
  }

  listCaches(): Promise<readonly CacheInfo[]> {
    return this.#call({ method: 'list-caches' });
  }

  packCache(name: string, directory: number, format: LayerFormat, signal: AbortSignal): Promise<StoredLayer> {
    return this.#call({ method: 'pack-cache', name, directory, format }, undefined, signal);
  }

  removeCache(name: string): Promise<boolean> {
    return this.#call({ method: 'remove-cache', name });
  }

  async close(): Promise<void> {
    if (!this.#closing) {
      this.#closing = true;
      this.#launch.socket.end();
    }
    const timer = setTimeout(() => this.#launch.child.kill('SIGKILL'), CLOSE_TIMEOUT);
    await this.#exited;
    clearTimeout(timer);
    await this.#keeper?.finish();
  }

  #call<T>(call: Call, listener: CallListener = {}, signal?: AbortSignal, openInput?: OpenInput): Promise<T> {
    if (this.#closing) return Promise.reject(this.#died ?? new InvariantError('the executor is closed'));
    const id = this.#nextId;
    this.#nextId += 1;
    const cancel = (): void => {
      this.#launch.socket.write(encodeMessage({ type: 'cancel', id }));
    };
    if (signal?.aborted === true) return Promise.reject(signal.reason);
    signal?.addEventListener('abort', cancel, { once: true });
    const send = (message: ClientMessage): void => {
      if (!this.#closing) this.#launch.socket.write(encodeMessage(message));
    };
    const promise = new Promise<unknown>((resolve, reject) => {
      this.#pending.set(id, { ...listener, resolve, reject });
      send({ type: 'call', id, call });
    });
    const sender = openInput?.(id, send);
    if (sender !== undefined) this.#senders.set(id, sender);
    return promise.finally(() => {
      signal?.removeEventListener('abort', cancel);
      sender?.stop();
      this.#senders.delete(id);
    }) as Promise<T>;
  }

  #receive(message: ServerMessage): void {
    switch (message.type) {
      case 'ready':
        this.#started = true;
        this.#settleReady.resolve();
        return;
      case 'failed':
        this.#settleReady.reject(decodeError(message.error));
        return;
      case 'notice':
        this.#notice(message.message);
        return;
      case 'cgroup':
        this.#keeper ??= startCgroupKeeper();
        this.#keeper.add(message.paths);
        return;
      case 'grown':
        this.#pending.get(message.id)?.onGrowth?.(message.path, message.size);
        return;
      case 'input-taken':
        this.#senders.get(message.id)?.taken(message.open);
        return;
      default: {
        const pending = this.#pending.get(message.id);
        this.#pending.delete(message.id);
        if (message.type === 'result') pending?.resolve(message.value);
        else pending?.reject(decodeError(message.error));
      }
    }
  }

  #end(error: Error): void {
    if (!this.#closing) this.#died = error;
    this.#closing = true;
    this.#settleReady.reject(error);
    for (const pending of this.#pending.values()) pending.reject(error);
    this.#pending.clear();
    this.#launch.socket.destroy();
  }
}

/** The launcher ends like its child: a kill is no refusal, and no reason to try a lesser isolation. */
const isKill = (code: number | null, signal: NodeJS.Signals | null): boolean => signal !== null || (code ?? 0) > 128;

/** The process ended by itself: before `ready`, the launcher was refused; later, something killed it. */
function endedError(stderr: string, started: boolean): TsbuildError {
  const detail = stderr.trim() === '' ? '' : `: ${stderr.trim().slice(-1_000)}`;
  if (started) {
    return new TsbuildError({
      code: 'exec/executor-died',
      message: `the executor process ended unexpectedly${detail}`,
      hint: 'Look for an out-of-memory kill in `dmesg`; run the build again.',
    });
  }
  return new TsbuildError({
    code: 'exec/no-namespaces',
    message: `namespaces for the steps could not be made${detail}`,
    hint: 'Run `tsbuild doctor` to see what this machine lacks.',
  });
}
