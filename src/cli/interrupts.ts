// Signals that ask this process to end. The first asks the work to stop and clean up, the second ends at once;
// while a command in a container runs, the first is for that command instead.
import { EXIT_INTERRUPTED } from './exit-code.ts';

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

export type InterruptName = (typeof SIGNALS)[number];
/** Gives a listener the next signal; returns what takes that back. */
export type DivertSignal = (listener: (name: InterruptName) => void) => () => void;

export class Interrupts {
  readonly #controller = new AbortController();
  #diverted: ((name: InterruptName) => void) | null = null;

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** From now on signals do not end the process by themselves. */
  listen(): void {
    for (const name of SIGNALS) process.on(name, () => this.#take(name));
  }

  /** Asks the work to stop and clean up. Idempotent. */
  stop(): void {
    this.#controller.abort(new Error('interrupted'));
  }

  readonly divert: DivertSignal = (listener) => {
    this.#diverted = listener;
    return () => {
      this.#diverted = null;
    };
  };

  #take(name: InterruptName): void {
    const listener = this.#diverted;
    this.#diverted = null;
    if (listener !== null) listener(name);
    else if (this.signal.aborted) process.exit(EXIT_INTERRUPTED);
    else this.stop();
  }
}
