// Progress for people: finished steps scroll by as one line each, running steps stay at the bottom
// with their time, last log lines and transfers. Cached steps are folded into one line.
import type { BuildEvent } from '../../core/events.ts';
import { formatSeconds, formatSize } from '../sizes.ts';
import { LogLines, stripColours } from './log-lines.ts';
import type { Reporter, Terminal } from './reporter.ts';

const REDRAW_MS = 100;
const LOG_TAIL = 5;

interface Running {
  readonly name: string;
  readonly started: number;
  readonly lines: LogLines;
  readonly tail: string[];
}

interface Transfer {
  readonly action: string;
  readonly label: string;
  current: number;
  total: number | undefined;
}

export function openTtyReporter(terminal: Terminal): Reporter {
  return new TtyReporter(terminal);
}

class TtyReporter implements Reporter {
  readonly #terminal: Terminal;
  readonly #running = new Map<string, Running>();
  readonly #transfers = new Map<string, Transfer>();
  readonly #moved = new Map<string, number>();
  readonly #began = Date.now();
  readonly #timer: NodeJS.Timeout;
  #drawn = 0;
  #cached = 0;
  #done = 0;
  #closed = false;

  constructor(terminal: Terminal) {
    this.#terminal = terminal;
    this.#timer = setInterval(() => this.#draw([]), REDRAW_MS);
    this.#timer.unref();
  }

  event(event: BuildEvent): void {
    switch (event.type) {
      case 'vertex-started':
        this.#start(event.vertex.id, event.vertex.name, event.time);
        break;
      case 'vertex-log':
        this.#running.get(event.id)?.lines.push(event.data);
        break;
      case 'vertex-finished':
        this.#finish(event);
        break;
      case 'progress':
        this.#progress(event);
        break;
      case 'notice':
        this.#draw([this.#dim(`note: ${event.message}`)]);
        break;
      case 'diagnostic':
        break;
    }
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    clearInterval(this.#timer);
    this.#running.clear();
    const out = this.#foldCached();
    for (const [action, bytes] of this.#moved) out.push(this.#dim(` ${action} ${formatSize(bytes)}`));
    this.#transfers.clear();
    this.#draw(out);
    this.#terminal.write(`\x1b[?25h`);
  }

  #start(id: string, name: string, time: number): void {
    const tail: string[] = [];
    const lines = new LogLines((line) => {
      tail.push(stripColours(line));
      if (tail.length > LOG_TAIL) tail.shift();
    });
    this.#running.set(id, { name, started: time, lines, tail });
  }

  #finish(event: Extract<BuildEvent, { type: 'vertex-finished' }>): void {
    const running = this.#running.get(event.vertex.id);
    this.#running.delete(event.vertex.id);
    this.#done += 1;
    if (event.cached) {
      this.#cached += 1;
      return;
    }
    const time = formatSeconds(event.time - (running?.started ?? event.time));
    const out = this.#foldCached();
    out.push(this.#row(event.error === undefined ? this.#paint(32, '✔') : this.#paint(31, '✘'), event.vertex.name, time));
    this.#draw(out);
  }

  #progress(event: Extract<BuildEvent, { type: 'progress' }>): void {
    if (event.done) {
      this.#transfers.delete(event.id);
      const verb = {
        pull: 'pulled',
        push: 'pushed',
        layer: 'wrote layers',
        unpack: 'unpacked',
        context: 'read context',
        export: 'exported',
      }[event.action];
      this.#moved.set(verb, (this.#moved.get(verb) ?? 0) + event.current);
      return;
    }
    this.#transfers.set(event.id, {
      action: event.action,
      label: event.digest?.slice(7, 19) ?? event.id,
      current: event.current,
      total: event.total,
    });
  }

  #foldCached(): string[] {
    if (this.#cached === 0) return [];
    const count = this.#cached;
    this.#cached = 0;
    return [this.#row(this.#paint(36, '✔'), `${count} step${count === 1 ? '' : 's'} cached`, '')];
  }

  #row(mark: string, text: string, right: string): string {
    const room = Math.max(20, this.#terminal.columns - right.length - 5);
    const shown = text.length > room ? `${text.slice(0, room - 1)}…` : text.padEnd(room);
    return ` ${mark} ${shown} ${this.#dim(right)}`;
  }

  /** Rewrites the live region, with `permanent` lines scrolled out above it. */
  #draw(permanent: readonly string[]): void {
    const live = this.#closed ? [] : this.#liveLines();
    if (permanent.length === 0 && live.length === 0 && this.#drawn === 0) return;
    const up = this.#drawn === 0 ? '' : `\x1b[${this.#drawn}A`;
    const lines = [...permanent, ...live].map((line) => `\x1b[2K${line}\n`).join('');
    this.#terminal.write(`\x1b[?25l${up}\x1b[0J${lines}`);
    this.#drawn = live.length;
  }

  #liveLines(): string[] {
    const now = Date.now();
    const out: string[] = [];
    if (this.#running.size > 0 || this.#transfers.size > 0) {
      out.push(this.#dim(`[+] ${formatSeconds(now - this.#began)}, ${this.#done} step${this.#done === 1 ? '' : 's'} done`));
    }
    const tails = Math.max(
      0,
      Math.floor((this.#terminal.rows - 4 - this.#running.size - this.#transfers.size) / Math.max(1, this.#running.size)),
    );
    for (const step of this.#running.values()) {
      out.push(this.#row(this.#paint(33, '▸'), step.name, formatSeconds(now - step.started)));
      for (const line of step.tail.slice(-Math.min(tails, LOG_TAIL)))
        out.push(this.#dim(`     ${line.slice(0, Math.max(10, this.#terminal.columns - 6))}`));
    }
    for (const transfer of this.#transfers.values()) {
      const total = transfer.total === undefined ? '' : ` / ${formatSize(transfer.total)}`;
      out.push(this.#row(' ', `${transfer.action} ${transfer.label}`, `${formatSize(transfer.current)}${total}`));
    }
    return out.slice(0, Math.max(1, this.#terminal.rows - 1));
  }

  #paint = (colour: number, text: string): string => (this.#terminal.color ? `\x1b[${colour}m${text}\x1b[0m` : text);
  #dim = (text: string): string => this.#paint(2, text);
}
