// How a container is connected: pipes for its output and, when somebody sends input, one for that; or a
// terminal. The terminal is made by the runtime inside the container (so that ttyname, job control and
// /dev/console work). crun hands it out over a console socket; runc, which does so only for containers
// that outlive it, gets a terminal of ours and passes everything on itself.
import { closeSync, openSync, unlinkSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { ReadStream } from 'node:tty';
import { errnoOf } from '../../../core/errors.ts';
import type { TerminalSize } from '../../executor.ts';
import type { LogChannel, StepHost } from '../step-host.ts';
import { openOutput } from './log-pump.ts';
import { loadTerminalCalls, type TerminalCalls } from './terminal-calls.ts';
import type { StepInput } from './terminal-input.ts';

export interface Streams {
  /** Descriptors for the runtime. */
  readonly stdin: number | 'ignore';
  readonly stdout: number;
  readonly stderr: number;
  /** Name of the console socket in the bundle. */
  readonly consoleSocket?: string;
  /** The runtime has started: what it inherited is closed here. */
  started(pid: number | undefined): void;
  /** The runtime has ended; resolves when all output has been passed on. */
  drained(): Promise<void>;
}

export interface StreamRequest {
  readonly runtime: 'crun' | 'runc' | null;
  readonly host: StepHost;
  /** Directory of the bundle, relative to the working directory. */
  readonly bundle: string;
  readonly log: LogChannel;
  readonly input: StepInput | null;
  readonly terminal?: TerminalSize;
}

const SOCKET = 'console';
const POLL = 4;
/** End of input as a terminal line takes it. */
const END_OF_TEXT = Buffer.from([4]);

export function openStreams(request: StreamRequest): Streams {
  const { terminal } = request;
  if (terminal !== undefined) return request.runtime === 'runc' ? lendTerminal(request, terminal) : openTerminal(request, terminal);
  const output = openOutput(request.host.calls, request.log);
  const stdin = request.input === null ? 'ignore' : openInput(request.input);
  return {
    stdin,
    stdout: output.stdout,
    stderr: output.stderr,
    started() {
      output.closeWriters();
      if (stdin !== 'ignore') closeSync(stdin);
    },
    async drained() {
      request.input?.close();
      await output.finished;
    },
  };
}

/** The read end of a pipe that is fed with the input. */
function openInput(input: StepInput): number {
  const [reader, writer] = loadTerminalCalls().inputPipe();
  const pipe = new DescriptorWriter(writer, () => closeSync(writer));
  input.attach({ write: (data) => pipe.write(data), end: () => pipe.close(), resize: () => {} });
  return reader;
}

/** Writes to a descriptor that does not block, trying again until all is taken. */
class DescriptorWriter {
  readonly #fd: number;
  readonly #release: () => void;
  #open = true;

  /** `release` is called once, when nothing will be written any more. */
  constructor(fd: number, release: () => void) {
    this.#fd = fd;
    this.#release = release;
  }

  /** False when nobody reads any more. */
  async write(data: Uint8Array): Promise<boolean> {
    for (let rest = data; rest.length > 0; ) {
      if (!this.#open) return false;
      try {
        rest = rest.subarray(writeSync(this.#fd, rest));
      } catch (error) {
        if (errnoOf(error) !== 'EAGAIN') {
          this.close();
          return false;
        }
        await delay(POLL);
      }
    }
    return true;
  }

  close(): void {
    if (this.#open) this.#release();
    this.#open = false;
  }
}

function openTerminal({ host, bundle, log, input }: StreamRequest, size: TerminalSize): Streams {
  const calls = loadTerminalCalls();
  const nowhere = openSync('/dev/null', 'r+');
  const path = join(bundle, SOCKET);
  const socket = calls.listen(path);
  let ended = false;
  const shown = receiveTerminal(calls, socket, () => ended).then(async (terminal) => {
    closeSync(socket);
    unlinkSync(path);
    if (terminal !== null) await relay(calls, terminal, size, log, input);
  });
  shown.catch((error: unknown) => host.noticeOnce(`the terminal could not be opened: ${errnoOf(error) ?? String(error)}`));
  return {
    stdin: 'ignore',
    stdout: nowhere,
    stderr: nowhere,
    consoleSocket: SOCKET,
    started: () => closeSync(nowhere),
    async drained() {
      ended = true;
      await shown;
      input?.close();
    },
  };
}

/** A terminal for the runtime itself, which looks at its size when it is told that it changed. */
function lendTerminal({ log, input }: StreamRequest, size: TerminalSize): Streams {
  const calls = loadTerminalCalls();
  const [user, program] = calls.openTerminal();
  let runtime: number | undefined;
  const shown = relay(calls, user, size, log, input, () => {
    if (runtime !== undefined) process.kill(runtime, 'SIGWINCH');
  });
  return {
    stdin: program,
    stdout: program,
    stderr: program,
    started(pid) {
      runtime = pid;
      closeSync(program);
    },
    async drained() {
      runtime = undefined;
      await shown;
      input?.close();
    },
  };
}

/** Waits for the runtime to connect and send; null when it ended without. */
async function receiveTerminal(calls: TerminalCalls, socket: number, ended: () => boolean): Promise<number | null> {
  let connection: number | null = null;
  try {
    for (;;) {
      // Looked at before the socket: what was sent before the end must not be missed.
      const last = ended();
      connection ??= calls.accept(socket);
      const received = connection === null ? null : calls.receiveDescriptor(connection);
      if (typeof received === 'number') return received;
      if (received === 'closed' || last) return null;
      await delay(POLL);
    }
  } finally {
    if (connection !== null) closeSync(connection);
  }
}

/** Resolves when the last process that has the terminal open is gone. */
function relay(
  calls: TerminalCalls,
  terminal: number,
  size: TerminalSize,
  log: LogChannel,
  input: StepInput | null,
  onResize: () => void = () => {},
): Promise<void> {
  calls.setNonBlocking(terminal);
  calls.setSize(terminal, size);
  const reader = new ReadStream(terminal);
  let open = true;
  const writer = new DescriptorWriter(terminal, () => {
    open = false;
  });
  input?.attach({
    write: (data) => writer.write(data),
    end: () => void writer.write(END_OF_TEXT),
    resize: (next) => {
      if (!open) return;
      calls.setSize(terminal, next);
      onResize();
    },
  });
  reader.on('data', (chunk: Buffer) => {
    if (log.write('stdout', chunk)) return;
    reader.pause();
    void log.drained().then(() => reader.resume());
  });
  return new Promise((resolve) => {
    // Linux reports the end of a terminal as an error.
    reader.once('error', () => writer.close());
    reader.once('close', () => {
      writer.close();
      resolve();
    });
  });
}
