// Who may write to a log: one step at a time is on the air and printed as it goes, the others wait with
// what they have to say. So the lines of a step stand together, whatever runs beside it.
import { closeSync, mkdtempSync, openSync, readSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { endText, type Step, type StepEnd, type View } from './build-state.ts';

/** Characters of one waiting step that stay in memory. */
const IN_MEMORY = 64 * 1024;
const READ_SIZE = 64 * 1024;
const TICK_MS = 250;

/** Texts of a log, with their newlines. */
export interface TurnFormat {
  open(step: Step): string;
  line(step: Step, line: string, time: number): string;
  close(step: Step, end: string): string;
  /** The step gives way before it has ended. */
  pause(step: Step): string;
  /** Milliseconds that others wait until the step on the air gives way; null: until it has ended, however long. */
  readonly patience: number | null;
}

interface Turn {
  readonly step: Step;
  waiting: string[];
  size: number;
  spool: number | null;
  /** When the first thing that is not printed yet came about. */
  since: number | null;
  /** Closing text, once the step has ended. */
  end: string | null;
}

export class Turns implements View {
  readonly #write: (text: string) => void;
  readonly #format: TurnFormat;
  /** In the order the steps began. */
  readonly #turns = new Map<Step, Turn>();
  /** Lines of no step; they wait for a gap. */
  #between: string[] = [];
  #onAir: Turn | null = null;
  #spoolDirectory: string | null = null;
  readonly #timer: NodeJS.Timeout | null;

  constructor(write: (text: string) => void, format: TurnFormat) {
    this.#write = write;
    this.#format = format;
    this.#timer = format.patience === null ? null : setInterval(() => this.#advance(Date.now()), TICK_MS).unref();
  }

  started(step: Step): void {
    this.#turns.set(step, { step, waiting: [], size: 0, spool: null, since: step.started, end: null });
    this.#advance(step.started);
  }

  line(step: Step, line: string, time: number): void {
    const turn = this.#turns.get(step);
    if (turn === undefined) return;
    const text = this.#format.line(step, line, time);
    if (turn === this.#onAir) this.#write(text);
    else {
      turn.waiting.push(text);
      turn.size += text.length;
      turn.since ??= time;
      if (turn.size > IN_MEMORY) this.#tooMuch(turn);
    }
    this.#advance(time);
  }

  ended(step: Step, end: StepEnd, time: number): void {
    const turn = this.#turns.get(step);
    if (turn === undefined) return;
    turn.end = this.#format.close(step, endText(end));
    turn.since ??= time;
    this.#advance(time);
  }

  notice(message: string): void {
    this.between(`note: ${message}\n`);
  }

  /** A line that belongs to no step. */
  between(text: string): void {
    this.#between.push(text);
    if (this.#onAir === null) this.#fillGap();
  }

  close(): void {
    if (this.#timer !== null) clearInterval(this.#timer);
    this.#advance(0);
    this.#fillGap();
    if (this.#spoolDirectory !== null) rmSync(this.#spoolDirectory, { recursive: true, force: true });
    this.#spoolDirectory = null;
  }

  /** A flood of output must not grow memory: it is shown now, or waits in a file. */
  #tooMuch(turn: Turn): void {
    if (this.#format.patience !== null) {
      this.#pause();
      this.#enter(turn);
      return;
    }
    this.#spoolDirectory ??= mkdtempSync(join(tmpdir(), 'tsbuild-log-'));
    turn.spool ??= openSync(join(this.#spoolDirectory, String(turn.step.number)), 'w+', 0o600);
    writeSync(turn.spool, turn.waiting.join(''));
    turn.waiting = [];
    turn.size = 0;
  }

  /** Gives the air to whoever waits, until a step has it that still runs. Steps that have ended go first. */
  #advance(now: number): void {
    for (;;) {
      if (this.#onAir !== null) {
        if (this.#onAir.end !== null) this.#leave(this.#onAir, this.#onAir.end);
        else if (this.#isPatient(now)) return;
        else this.#pause();
      }
      const waiting = [...this.#turns.values()].filter((turn) => turn.since !== null);
      const next = waiting.find((turn) => turn.end !== null) ?? waiting[0];
      if (next === undefined) return;
      this.#enter(next);
    }
  }

  #isPatient(now: number): boolean {
    const { patience } = this.#format;
    if (patience === null) return true;
    for (const { since } of this.#turns.values()) if (since !== null && now - since >= patience) return false;
    return true;
  }

  #enter(turn: Turn): void {
    this.#onAir = turn;
    this.#write(this.#format.open(turn.step));
    if (turn.spool !== null) this.#replay(turn.spool);
    turn.spool = null;
    if (turn.waiting.length > 0) this.#write(turn.waiting.join(''));
    turn.waiting = [];
    turn.size = 0;
    turn.since = null;
  }

  #leave(turn: Turn, end: string): void {
    this.#turns.delete(turn.step);
    this.#write(end);
    this.#onAir = null;
    this.#fillGap();
  }

  #pause(): void {
    if (this.#onAir !== null) this.#write(this.#format.pause(this.#onAir.step));
    this.#onAir = null;
    this.#fillGap();
  }

  #fillGap(): void {
    if (this.#between.length > 0) this.#write(this.#between.join(''));
    this.#between = [];
  }

  #replay(spool: number): void {
    const buffer = Buffer.allocUnsafe(READ_SIZE);
    for (let at = 0; ; ) {
      const count = readSync(spool, buffer, 0, READ_SIZE, at);
      if (count === 0) break;
      // Pieces are cut at byte positions; latin1 would break text, so whole lines are kept together.
      const end = count === READ_SIZE ? buffer.lastIndexOf(0x0a, count - 1) + 1 || count : count;
      this.#write(buffer.toString('utf8', 0, end));
      at += end;
    }
    closeSync(spool);
  }
}
