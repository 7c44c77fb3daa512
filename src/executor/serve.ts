// The executor's side of the socket: takes calls, runs them concurrently, streams logs with
// back-pressure, answers with results or errors.
import type { Socket } from 'node:net';
import type { OnGrowth } from '../cache/blob-store.ts';
import { InvariantError } from '../core/errors.ts';
import type { RunRequest, RunResult, SnapshotStack, UnpackRequest } from './executor.ts';
import type { ExecutorConfig } from './launch.ts';
import type { LayerWork } from './layer-work.ts';
import { runStep } from './sandbox/run-step.ts';
import { discardSnapshot } from './sandbox/snapshot-directory.ts';
import { type LogChannel, openStepHost, type StepHost } from './sandbox/step-host.ts';
import { StepInput } from './sandbox/terminal/terminal-input.ts';
import {
  type Call,
  type ClientMessage,
  encodeError,
  encodeLogHeader,
  encodeMessage,
  FRAME_STDERR,
  FRAME_STDOUT,
  FrameDecoder,
  type ServerMessage,
} from './wire.ts';

/** Resolves when the executor is ready to work; it then lives until the socket ends. */
export async function serve(socket: Socket, config: ExecutorConfig): Promise<void> {
  const send = (message: ServerMessage): void => {
    socket.write(encodeMessage(message));
  };
  const running = new Map<number, AbortController>();
  let host: StepHost | undefined;
  const end = (): void => {
    for (const controller of running.values()) controller.abort();
    host?.close();
    process.exit(0);
  };
  // Every paused pipe of a step waits for the same drain.
  socket.setMaxListeners(0);
  socket.on('end', end).on('error', end).on('close', end);
  try {
    host = openStepHost(config, {
      notice: (message) => send({ type: 'notice', message }),
      cgroups: (paths) => send({ type: 'cgroup', paths }),
    });
  } catch (error) {
    socket.end(encodeMessage({ type: 'failed', error: encodeError(error) }));
    return;
  }
  const context: Serving = { host, socket, running, parents: new Map(), inputs: new Map(), send };
  const decoder = new FrameDecoder({
    message: (message) => receive(context, message as ClientMessage),
    log: () => {},
  });
  socket.on('data', (chunk: Buffer) => decoder.push(chunk));
  send({ type: 'ready' });
}

interface Serving {
  readonly host: StepHost;
  readonly socket: Socket;
  readonly running: Map<number, AbortController>;
  /** Stacks below layers that are being unpacked, by call. */
  readonly parents: Map<number, PromiseWithResolvers<SnapshotStack | null>>;
  /** Programs that somebody sends input to, by call. */
  readonly inputs: Map<number, StepInput>;
  layers?: Promise<LayerWork>;
  send(message: ServerMessage): void;
}

function receive(serving: Serving, message: ClientMessage): void {
  if (message.type === 'parent') {
    parentOf(serving, message.id).resolve(message.parent);
    return;
  }
  if (message.type === 'input') {
    serving.inputs.get(message.id)?.push(message.data);
    return;
  }
  if (message.type === 'resize') {
    serving.inputs.get(message.id)?.resize(message.size);
    return;
  }
  if (message.type === 'signal') {
    serving.inputs.get(message.id)?.signal(message.name);
    return;
  }
  if (message.type === 'cancel') {
    serving.running.get(message.id)?.abort();
    return;
  }
  const { id } = message;
  const controller = new AbortController();
  serving.running.set(id, controller);
  perform(serving, id, message.call, controller.signal)
    .then(
      (value) => serving.send({ type: 'result', id, value }),
      (error: unknown) => serving.send({ type: 'error', id, error: encodeError(error) }),
    )
    .finally(() => serving.running.delete(id));
}

async function perform(serving: Serving, id: number, call: Call, signal: AbortSignal): Promise<unknown> {
  switch (call.method) {
    case 'run':
      return run(serving, id, call.request, signal);
    case 'discard':
      return discardSnapshot(call.snapshot);
    case 'unpack':
      return unpack(serving, id, call.request);
    case 'diff':
      return (await layerWork(serving)).diff(call.request, call.follow ? grownOf(serving, id) : undefined);
    case 'copy':
      return (await layerWork(serving)).copy(call.request, signal, call.follow ? grownOf(serving, id) : undefined);
    case 'list-caches':
      return (await cacheStore()).listCaches(serving.host);
    case 'pack-cache':
      return (await cacheStore()).packCache(serving.host, call.name, call.directory, call.format, signal);
    case 'remove-cache':
      return (await cacheStore()).removeCache(serving.host, call.name);
  }
}

const cacheStore = (): Promise<typeof import('./sandbox/mounts/cache-store.ts')> => import('./sandbox/mounts/cache-store.ts');

async function run(serving: Serving, id: number, request: RunRequest, signal: AbortSignal): Promise<RunResult> {
  const wantsInput = request.stdin === true || request.signals === true || request.terminal !== undefined;
  const input = wantsInput ? new StepInput((open) => serving.send({ type: 'input-taken', id, open })) : null;
  // Before anything is awaited: input may follow at once.
  if (input !== null) serving.inputs.set(id, input);
  try {
    return await (await stepRunner(serving.host))(serving.host, request, logChannel(serving.socket, id), signal, input);
  } finally {
    serving.inputs.delete(id);
  }
}

async function stepRunner(host: StepHost): Promise<typeof runStep> {
  if (host.config.isolation !== 'chroot') return runStep;
  return (await import('./chroot/run-in-chroot.ts')).runInChroot;
}

function parentOf(serving: Serving, id: number): PromiseWithResolvers<SnapshotStack | null> {
  const known = serving.parents.get(id) ?? Promise.withResolvers<SnapshotStack | null>();
  serving.parents.set(id, known);
  return known;
}

async function unpack(serving: Serving, id: number, request: UnpackRequest): Promise<{ readonly size: number }> {
  const parent = parentOf(serving, id).promise.then((stack) => {
    if (stack === null) throw new InvariantError('the layers below could not be unpacked');
    return stack;
  });
  parent.catch(() => undefined);
  try {
    return await (await layerWork(serving)).unpack(request, parent);
  } finally {
    serving.parents.delete(id);
  }
}

/** Loaded with the first request for it, so that the executor is ready sooner. */
async function layerWork(serving: Serving): Promise<LayerWork> {
  serving.layers ??= import('./layer-work.ts').then(({ LayerWork: Work }) => new Work(serving.host));
  return await serving.layers;
}

const grownOf =
  (serving: Serving, id: number): OnGrowth =>
  (path, size) =>
    serving.send({ type: 'grown', id, path, size });

/** Log chunks of one call; `write` is false when the reader should wait for `drained`. */
function logChannel(socket: Socket, id: number): LogChannel {
  return {
    write(stream, data) {
      socket.cork();
      socket.write(encodeLogHeader(stream === 'stdout' ? FRAME_STDOUT : FRAME_STDERR, id, data.length));
      const room = socket.write(data);
      socket.uncork();
      return room;
    },
    drained: () => new Promise((resolve) => socket.once('drain', resolve)),
  };
}
