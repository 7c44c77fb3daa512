// The main process's side of a program's input: reads the caller's stream one chunk at a time, the next
// when the executor has taken the last, and passes on sizes of the terminal.
import type { RunInput } from '../../executor.ts';
import type { ClientMessage } from '../../wire.ts';

/** A frame holds a whole chunk; pipes and terminals give less anyway. */
const MAX_CHUNK = 64 * 1024;

export class InputSender {
  readonly #id: number;
  readonly #input: RunInput;
  readonly #send: (message: ClientMessage) => void;
  readonly #stopResize: (() => void) | undefined;
  readonly #stopSignals: (() => void) | undefined;
  #rest: Buffer = Buffer.alloc(0);
  #busy = false;
  #ended = false;

  constructor(id: number, input: RunInput, send: (message: ClientMessage) => void) {
    this.#id = id;
    this.#input = input;
    this.#send = send;
    this.#stopResize = input.onResize?.((size) => send({ type: 'resize', id, size }));
    this.#stopSignals = input.onSignal?.((name) => send({ type: 'signal', id, name }));
    input.stdin?.on('data', this.#onData).once('end', this.#onEnd).once('close', this.#onEnd).once('error', this.#onEnd);
  }

  /** The executor has taken the last chunk. */
  taken(open: boolean): void {
    this.#busy = false;
    if (!open) {
      this.#stopReading();
      return;
    }
    if (this.#rest.length > 0) this.#next();
    else if (this.#ended) this.#send({ type: 'input', id: this.#id, data: null });
    else this.#input.stdin?.resume();
  }

  stop(): void {
    this.#stopResize?.();
    this.#stopSignals?.();
    this.#stopReading();
  }

  #stopReading(): void {
    const { stdin } = this.#input;
    stdin?.off('data', this.#onData).off('end', this.#onEnd).off('close', this.#onEnd).off('error', this.#onEnd);
    stdin?.pause();
  }

  readonly #onData = (chunk: Buffer | string): void => {
    this.#input.stdin?.pause();
    this.#rest = Buffer.concat([this.#rest, typeof chunk === 'string' ? Buffer.from(chunk) : chunk]);
    if (!this.#busy) this.#next();
  };

  readonly #onEnd = (): void => {
    if (this.#ended) return;
    this.#ended = true;
    if (!this.#busy) this.#send({ type: 'input', id: this.#id, data: null });
  };

  #next(): void {
    const data = this.#rest.subarray(0, MAX_CHUNK);
    this.#rest = this.#rest.subarray(data.length);
    this.#busy = true;
    this.#send({ type: 'input', id: this.#id, data });
  }
}
