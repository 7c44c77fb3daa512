// What a build is at this moment, folded from its events: the steps that run, what is transferred, how far
// the targets of a bake are. Views show it; each is told of what changed and looks up the rest here.
import { displayText } from '../../core/display-text.ts';
import type { BuildEvent, TargetState, VertexInfo } from '../../core/events.ts';
import { formatSeconds } from '../sizes.ts';
import { LogLines, stripColours } from './log-lines.ts';
import type { Reporter } from './reporter.ts';

/** Last lines of a running step that live views may show. */
const LOG_TAIL = 5;

export type StepEnd =
  | { readonly type: 'cached' }
  | { readonly type: 'done'; readonly milliseconds: number; readonly because?: string }
  | { readonly type: 'failed'; readonly error: string }
  | { readonly type: 'interrupted' };

export interface Step {
  readonly number: number;
  /** With the targets it belongs to: `web: [1/2] RUN make`. */
  readonly title: string;
  /** Without them. */
  readonly name: string;
  readonly targets: readonly string[];
  readonly started: number;
  readonly lines: LogLines;
  /** Without colours. */
  readonly tail: string[];
}

export type Progress = Extract<BuildEvent, { type: 'progress' }>;

export interface Target {
  readonly name: string;
  readonly state: TargetState;
  /** When its state changed last. */
  readonly since: number;
}

/** What a view is told; `time` is that of the event, in milliseconds. */
export interface View {
  started?(step: Step): void;
  line?(step: Step, line: string, time: number): void;
  ended?(step: Step, end: StepEnd, time: number): void;
  moved?(progress: Progress): void;
  target?(target: Target): void;
  notice(message: string): void;
  /** Steps that still ran have been told as interrupted. */
  close(): void;
}

export class BuildState implements Reporter {
  /** In the order they began. */
  readonly steps = new Map<string, Step>();
  readonly transfers = new Map<string, Progress>();
  /** In the order they were announced. */
  readonly targets = new Map<string, Target>();
  /** Bytes of each kind of transfer that are done. */
  readonly moved = new Map<Progress['action'], number>();
  ended = 0;
  cached = 0;
  readonly #view: View;
  #numbers = 0;
  #now = 0;
  #closed = false;

  constructor(open: (state: BuildState) => View) {
    this.#view = open(this);
  }

  event(event: BuildEvent): void {
    if (this.#closed) return;
    if ('time' in event) this.#now = event.time;
    switch (event.type) {
      case 'vertex-started':
        this.#start(event.vertex);
        break;
      case 'vertex-log':
        this.steps.get(event.id)?.lines.push(event.data);
        break;
      case 'vertex-finished': {
        const step = this.#start(event.vertex);
        this.#end(event.vertex.id, step, endOf(event, step));
        break;
      }
      case 'progress':
        this.#progress(event);
        break;
      case 'target': {
        const target = { name: event.target, state: event.state, since: event.time };
        this.targets.set(event.target, target);
        this.#view.target?.(target);
        break;
      }
      case 'notice':
        this.#view.notice(displayText(event.message));
        break;
      case 'diagnostic':
        break;
    }
  }

  close(): void {
    if (this.#closed) return;
    for (const [id, step] of this.steps) this.#end(id, step, { type: 'interrupted' });
    this.#closed = true;
    this.#view.close();
  }

  #start(vertex: VertexInfo): Step {
    const known = this.steps.get(vertex.id);
    if (known !== undefined) return known;
    this.#numbers += 1;
    const lines = new LogLines((line) => {
      step.tail.push(stripColours(line));
      if (step.tail.length > LOG_TAIL) step.tail.shift();
      this.#view.line?.(step, line, this.#now);
    });
    const { targets = [] } = vertex;
    const [title, name] = [stepTitle(vertex), displayText(vertex.name)];
    const step: Step = { number: this.#numbers, title, name, targets, started: this.#now, lines, tail: [] };
    this.steps.set(vertex.id, step);
    this.#view.started?.(step);
    return step;
  }

  #end(id: string, step: Step, end: StepEnd): void {
    step.lines.end();
    this.steps.delete(id);
    this.ended += 1;
    if (end.type === 'cached') this.cached += 1;
    this.#view.ended?.(step, end, this.#now);
  }

  #progress(event: Progress): void {
    if (!event.done) {
      this.transfers.set(event.id, event);
      return;
    }
    this.transfers.delete(event.id);
    this.moved.set(event.action, (this.moved.get(event.action) ?? 0) + event.current);
    this.#view.moved?.(event);
  }
}

/** One line, safe to show. Many targets that wait for one step are counted, not listed. */
export function stepTitle({ name, targets = [] }: VertexInfo): string {
  const [first, ...others] = targets;
  const owner = first === undefined ? '' : `${first}${others.length === 0 ? '' : `+${others.length}`}: `;
  return displayText(owner + name);
}

function endOf(event: Extract<BuildEvent, { type: 'vertex-finished' }>, step: Step): StepEnd {
  if (event.error !== undefined) return { type: 'failed', error: displayText(event.error.split('\n', 1)[0] ?? '') };
  if (event.cached) return { type: 'cached' };
  return {
    type: 'done',
    milliseconds: event.time - step.started,
    ...(event.because === undefined ? {} : { because: displayText(event.because) }),
  };
}

/** The line that closes a step in a log. */
export function endText(end: StepEnd): string {
  switch (end.type) {
    case 'cached':
      return 'CACHED';
    case 'interrupted':
      return 'INTERRUPTED';
    case 'failed':
      return `ERROR: ${end.error}`;
    case 'done':
      return `DONE ${formatSeconds(end.milliseconds)}${end.because === undefined ? '' : ` (${end.because})`}`;
  }
}
