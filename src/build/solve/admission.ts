// Which steps may run beside each other: no more than asked for, no more processors and memory than they
// say they need and the machine has. First come, first served: a heavy step is never overtaken for ever.
import { availableParallelism } from 'node:os';
import { availableMemory } from './available-memory.ts';

/** What a step takes while it runs. */
export interface StepWeight {
  /** Processors; 0 unless it says so. */
  readonly cpus?: number;
  /** Bytes. */
  readonly memory?: number;
}

export interface AdmissionOptions {
  /** Steps at a time. */
  readonly steps: number;
  readonly cpus: number;
  /** Bytes that steps could still take on this machine. */
  readonly available: () => number;
}

/** A step that does not say what it takes. */
const USUAL_MEMORY = 256 * 2 ** 20;
/** Reading what the kernel says takes longer than a small copy; so old may it be. Milliseconds. */
const FRESH = 50;
/** Memory comes free without a step ending: then somebody has to look. Milliseconds. */
const LOOK_AGAIN = 250;

interface Waiting {
  readonly cpus: number;
  readonly memory: number;
  start(): void;
}

/** So many steps, or targets, at a time unless told otherwise: enough to hide waiting, few enough not to crowd. */
export const usualParallelism = (): number => Math.max(16, 4 * availableParallelism());

export const machineAdmission = (steps = usualParallelism()): Admission =>
  new Admission({ steps, cpus: availableParallelism(), available: recent(availableMemory) });

/** The value as it was a moment ago. */
function recent(read: () => number): () => number {
  let value = 0;
  let from = Number.NEGATIVE_INFINITY;
  return () => {
    const now = performance.now();
    if (now - from > FRESH) {
      value = read();
      from = now;
    }
    return value;
  };
}

export class Admission {
  readonly #options: AdmissionOptions;
  readonly #waiting: Waiting[] = [];
  readonly #taken = { steps: 0, cpus: 0, memory: 0 };
  /** What there was for all steps together, when none of them ran. */
  #budget = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(options: AdmissionOptions) {
    this.#options = options;
  }

  /** Runs `body` when there is room for it; at once when nothing else runs. Aborting `signal` ends the wait with its reason. */
  async run<T>(weight: StepWeight, signal: AbortSignal, body: () => Promise<T>): Promise<T> {
    const { cpus = 0, memory = USUAL_MEMORY } = weight;
    await this.#admit({ cpus, memory }, signal);
    try {
      return await body();
    } finally {
      this.#taken.steps -= 1;
      this.#taken.cpus -= cpus;
      this.#taken.memory -= memory;
      this.#admitNext();
    }
  }

  #admit(weight: Omit<Waiting, 'start'>, signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      signal.throwIfAborted();
      const giveUp = (): void => {
        this.#waiting.splice(this.#waiting.indexOf(entry), 1);
        reject(signal.reason);
        this.#admitNext();
      };
      const entry: Waiting = {
        ...weight,
        start() {
          signal.removeEventListener('abort', giveUp);
          resolve();
        },
      };
      signal.addEventListener('abort', giveUp, { once: true });
      this.#waiting.push(entry);
      this.#admitNext();
    });
  }

  #admitNext(): void {
    clearTimeout(this.#timer);
    for (let next = this.#waiting[0]; next !== undefined; next = this.#waiting[0]) {
      if (!this.#hasRoom(next)) break;
      this.#waiting.shift();
      this.#taken.steps += 1;
      this.#taken.cpus += next.cpus;
      this.#taken.memory += next.memory;
      next.start();
    }
    if (this.#waiting.length > 0) this.#timer = setTimeout(() => this.#admitNext(), LOOK_AGAIN);
  }

  #hasRoom({ cpus, memory }: Waiting): boolean {
    const { steps, cpus: processors, available } = this.#options;
    const taken = this.#taken;
    if (taken.steps === 0) {
      this.#budget = available();
      return true;
    }
    if (taken.steps >= steps || taken.cpus + cpus > processors || taken.memory + memory > this.#budget) return false;
    // Steps take more than they said, and others use the machine, too.
    return memory <= available();
  }
}
