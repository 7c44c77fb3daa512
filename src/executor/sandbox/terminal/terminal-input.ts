// Input of a running program between the wire and the container: chunks may arrive before the container
// is there, and each is acknowledged when the program's side has taken it, so that a program that
// does not read stops the sender instead of filling memory.
import type { TerminalSize } from '../../executor.ts';

/** Where input goes once the program is there. */
export interface InputSink {
  /** Resolves when taken; false when the program reads no more. */
  write(data: Uint8Array): Promise<boolean>;
  /** The end of input. */
  end(): void;
  resize(size: TerminalSize): void;
}

export class StepInput {
  readonly #taken: (open: boolean) => void;
  #waiting: (Uint8Array | null)[] = [];
  #size: TerminalSize | null = null;
  #sink: InputSink | null = null;
  #onSignal: ((name: NodeJS.Signals) => void) | null = null;
  #signalled: NodeJS.Signals | null = null;
  #closed = false;

  /** `taken` answers each chunk. */
  constructor(taken: (open: boolean) => void) {
    this.#taken = taken;
  }

  /** null is the end. */
  push(data: Uint8Array | null): void {
    if (this.#closed) this.#taken(false);
    else if (this.#sink === null) this.#waiting.push(data);
    else this.#pass(this.#sink, data);
  }

  resize(size: TerminalSize): void {
    this.#size = size;
    this.#sink?.resize(size);
  }

  signal(name: NodeJS.Signals): void {
    if (this.#onSignal === null) this.#signalled = name;
    else this.#onSignal(name);
  }

  /** Also for a signal that came before. */
  onSignal(listener: (name: NodeJS.Signals) => void): void {
    this.#onSignal = listener;
    if (this.#signalled !== null) listener(this.#signalled);
  }

  attach(sink: InputSink): void {
    this.#sink = sink;
    if (this.#size !== null) sink.resize(this.#size);
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const data of waiting) this.#pass(sink, data);
  }

  /** The program has ended. */
  close(): void {
    this.#closed = true;
    this.#sink = null;
  }

  #pass(sink: InputSink, data: Uint8Array | null): void {
    if (data === null) sink.end();
    else void sink.write(data).then((open) => this.#taken(open));
  }
}
