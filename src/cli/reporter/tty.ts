// Progress for people: what runs stays at the bottom of the terminal and is drawn again as it changes.
// Of one build, finished steps scroll by as one line each and cached ones fold into one; of a bake, there
// is a table of targets, and only what failed scrolls by.
import { formatSeconds, formatSize } from '../sizes.ts';
import { BuildState, type Step, type StepEnd, type View } from './build-state.ts';
import { LiveRegion } from './live-region.ts';
import { CYAN, dim, GREEN, note, RED, row, type Screen } from './live-row.ts';
import type { Reporter, Terminal } from './reporter.ts';
import { stepLines } from './step-lines.ts';
import { targetLines } from './target-lines.ts';

const REDRAW_MS = 100;

const MOVED = {
  pull: 'pulled',
  push: 'pushed',
  layer: 'wrote layers',
  unpack: 'unpacked',
  context: 'read context',
  export: 'exported',
};

export function openTtyReporter(terminal: Terminal, clock: () => number = Date.now): Reporter {
  return new BuildState((state) => new TtyView(terminal, state, clock));
}

class TtyView implements View {
  readonly #terminal: Terminal;
  readonly #state: BuildState;
  readonly #clock: () => number;
  readonly #region: LiveRegion;
  readonly #began: number;
  readonly #timer: NodeJS.Timeout;
  #permanent: string[] = [];
  /** Cached steps since the last one that ran. */
  #cached = 0;

  constructor(terminal: Terminal, state: BuildState, clock: () => number) {
    this.#terminal = terminal;
    this.#state = state;
    this.#clock = clock;
    this.#region = new LiveRegion(terminal);
    this.#began = clock();
    this.#timer = setInterval(() => this.#draw(true), REDRAW_MS).unref();
  }

  ended(step: Step, end: StepEnd): void {
    if (this.#state.targets.size > 0) return;
    if (end.type === 'cached') this.#cached += 1;
    if (end.type === 'cached' || end.type === 'interrupted') return;
    const screen = this.#screen();
    const time = formatSeconds(screen.now - step.started);
    this.#foldCached(screen);
    this.#permanent.push(row(screen, end.type === 'done' ? [GREEN, '✔'] : [RED, '✘'], step.title, time));
  }

  notice(message: string): void {
    this.#permanent.push(dim(this.#terminal, `note: ${message}`));
  }

  close(): void {
    clearInterval(this.#timer);
    const screen = this.#screen();
    this.#foldCached(screen);
    for (const [action, bytes] of this.#state.moved) this.#permanent.push(note(screen, ` ${MOVED[action]} ${formatSize(bytes)}`));
    this.#draw(false);
    this.#region.close();
  }

  #screen(): Screen {
    const { columns, rows, color } = this.#terminal;
    return { columns, rows, color, now: this.#clock() };
  }

  #foldCached(screen: Screen): void {
    if (this.#cached > 0) this.#permanent.push(row(screen, [CYAN, '✔'], `${this.#cached} step${this.#cached === 1 ? '' : 's'} cached`, ''));
    this.#cached = 0;
  }

  #draw(live: boolean): void {
    const lines = this.#state.targets.size > 0 ? targetLines : stepLines;
    this.#region.draw(this.#permanent, live ? lines(this.#state, this.#screen(), this.#began) : []);
    this.#permanent = [];
  }
}
