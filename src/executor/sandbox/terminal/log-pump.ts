// Output of a step: two real pipes (a socket could not be reopened as /dev/stdout), read as fast as
// the main process takes it. When it does not, reading stops and the step's writes block.
import { closeSync } from 'node:fs';
import { Socket } from 'node:net';
import type { NamespaceCalls } from '../../namespace-calls.ts';
import type { LogChannel } from '../step-host.ts';

export interface OutputPipes {
  /** Descriptors for the step; close them here once the runtime has started. */
  readonly stdout: number;
  readonly stderr: number;
  closeWriters(): void;
  /** Resolves when both pipes have ended, all output passed on. */
  readonly finished: Promise<unknown>;
}

export function openOutput(calls: NamespaceCalls, log: LogChannel): OutputPipes {
  const [outReader, stdout] = calls.pipe();
  const [errReader, stderr] = calls.pipe();
  const finished = Promise.all([pump(outReader, 'stdout', log), pump(errReader, 'stderr', log)]);
  let open = true;
  return {
    stdout,
    stderr,
    finished,
    closeWriters() {
      if (!open) return;
      open = false;
      closeSync(stdout);
      closeSync(stderr);
    },
  };
}

function pump(fd: number, stream: 'stdout' | 'stderr', log: LogChannel): Promise<void> {
  const reader = new Socket({ fd, readable: true, writable: false });
  reader.on('data', (chunk: Buffer) => {
    if (log.write(stream, chunk)) return;
    reader.pause();
    void log.drained().then(() => reader.resume());
  });
  return new Promise((resolve) => {
    reader.once('error', () => {});
    reader.once('close', () => resolve());
  });
}
