// What the kernel refuses to steps of this build, asked only when no record of an unhindered step is
// found: reckoned from what this process may do while everything comes from the cache, known from the
// executor as soon as a step has to run.
import type { Refusals } from '../../executor/step-refusals.ts';
import type { Vertex } from '../../graph/vertex.ts';
import type { Session } from '../session.ts';

/** Only the program of a RUN meets the kernel's answers; copies record owners beside the files. */
const isRefusable = ({ op }: Vertex): boolean => op.type === 'exec';

export class RefusalsHere {
  readonly #session: Session;
  #expected: Promise<Refusals> | undefined;
  #met: Promise<Refusals> | undefined;

  constructor(session: Session) {
    this.#session = session;
  }

  /** Looks for a record of a step that was refused nothing, then of one that was refused no more than steps are here. */
  async find<T>(vertex: Vertex, look: (refused: Refusals) => T | null): Promise<T | null> {
    let found = look([]);
    if (found !== null || !isRefusable(vertex)) return found;
    const { coveredBy } = await import('../../executor/step-refusals.ts');
    for (const refused of coveredBy(await (this.#met ?? this.#expect()))) found ??= look(refused);
    return found;
  }

  /** Of a step that has to run: starts the executor. Where it cannot be started, the step itself will say why. */
  met(vertex: Vertex): Promise<Refusals> {
    if (!isRefusable(vertex)) return Promise.resolve([]);
    this.#met ??= this.#session.executor().then(
      ({ refusals }) => refusals,
      () => [],
    );
    return this.#met;
  }

  /** True when the executor meets more than was expected, so that more records may be used. Starts it. */
  async areMore(vertex: Vertex): Promise<boolean> {
    if (!isRefusable(vertex) || this.#met !== undefined) return false;
    const [met, expected] = await Promise.all([this.met(vertex), this.#expect()]);
    return met.join() !== expected.join();
  }

  #expect(): Promise<Refusals> {
    this.#expected ??= import('../../executor/step-refusals.ts').then(({ expectedRefusals }) => expectedRefusals(this.#session.isolation));
    return this.#expected;
  }
}
