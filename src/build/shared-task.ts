// Work that several ask for and one does: a step that two targets have in common, a layer that two
// steps need unpacked. Whoever asks first does it, the others wait for the same result; it is ended when
// all of them have given up, and begun again by the next when only the one who did it has.
import { untilAborted } from '../core/until-aborted.ts';

interface Run<T> {
  readonly result: Promise<T>;
  readonly abort: AbortController;
  /** Whoever does the work: its files and directories are gone once it ends. */
  readonly leader: AbortSignal;
  waiting: number;
  /** `stopped`: it failed after whoever did it had been told to end, so the failure may be of that. */
  state: 'running' | 'done' | 'stopped';
}

export class SharedTask<T> {
  #run: Run<T> | null = null;

  /** The task of work that was done before anybody asked. */
  static of<T>(value: T | Promise<T>): SharedTask<T> {
    const task = new SharedTask<T>();
    task.#begin(() => Promise.resolve(value), new AbortController().signal);
    return task;
  }

  /**
   * The result of the work, done by `work` unless somebody does it or did it already; results and failures
   * are kept. Aborting `signal` ends the wait with its reason: at once for those who only wait, when nothing
   * of the work goes on any more for whoever does it. `onWait` is called when somebody else does it.
   */
  async join(signal: AbortSignal, work: (signal: AbortSignal) => Promise<T>, onWait?: () => void): Promise<T> {
    for (;;) {
      signal.throwIfAborted();
      const current = this.#run;
      const leads = current === null || (current.abort.signal.aborted && current.state === 'running');
      const run = leads ? this.#begin(work, signal) : current;
      if (!leads) onWait?.();
      const leave = attend(run, signal);
      try {
        return await (leads ? run.result : untilAborted(run.result, signal));
      } catch (error) {
        if (leads || signal.aborted || run.state !== 'stopped') throw error;
      } finally {
        leave();
      }
    }
  }

  #begin(work: (signal: AbortSignal) => Promise<T>, leader: AbortSignal): Run<T> {
    const abort = new AbortController();
    const run: Run<T> = { result: work(abort.signal), abort, leader, waiting: 0, state: 'running' };
    this.#run = run;
    run.result.then(
      () => {
        run.state = 'done';
      },
      () => {
        run.state = abort.signal.aborted || leader.aborted ? 'stopped' : 'done';
        if (run.state === 'stopped' && this.#run === run) this.#run = null;
      },
    );
    return run;
  }
}

/** Counts somebody who wants the result, until the signal or the returned function says otherwise. */
function attend<T>(run: Run<T>, signal: AbortSignal): () => void {
  let present = true;
  run.waiting += 1;
  const leave = (): void => {
    signal.removeEventListener('abort', leave);
    if (!present) return;
    present = false;
    run.waiting -= 1;
    if (run.waiting === 0 && run.state === 'running') run.abort.abort(signal.reason);
  };
  signal.addEventListener('abort', leave);
  return leave;
}
