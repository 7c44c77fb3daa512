// The executor's side of the socket: takes calls, runs them concurrently, streams logs with
// back-pressure, answers with results or errors.
import type { Socket } from 'node:net';
import type { ExecutorConfig } from './launch.ts';
import type { LayerWork } from './layer-work.ts';
import { runStep } from './sandbox/run-step.ts';
import { discardSnapshot } from './sandbox/snapshot-directory.ts';
import { type LogChannel, openStepHost, type StepHost } from './sandbox/step-host.ts';
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
  const context: Serving = { host, socket, running, send };
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
  layers?: Promise<LayerWork>;
  send(message: ServerMessage): void;
}

function receive(serving: Serving, message: ClientMessage): void {
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
      return (await stepRunner(serving.host))(serving.host, call.request, logChannel(serving.socket, id), signal);
    case 'discard':
      return discardSnapshot(call.snapshot);
    case 'unpack':
      return (await layerWork(serving)).unpack(call.request);
    case 'diff':
      return (await layerWork(serving)).diff(call.snapshot, call.parent, call.format);
    case 'copy':
      return (await layerWork(serving)).copy(call.request, signal);
  }
}

async function stepRunner(host: StepHost): Promise<typeof runStep> {
  if (host.config.isolation !== 'chroot') return runStep;
  return (await import('./chroot/run-in-chroot.ts')).runInChroot;
}

/** Loaded with the first request for it, so that the executor is ready sooner. */
async function layerWork(serving: Serving): Promise<LayerWork> {
  serving.layers ??= import('./layer-work.ts').then(({ LayerWork: Work }) => new Work(serving.host));
  return await serving.layers;
}

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
