// Progress for logs that people read afterwards: the lines of one step stand together. One step is on
// the air and printed as it goes; the others wait, their lines in memory and then in a file. On
// GitHub and GitLab each step is a section that folds.
import { closeSync, mkdtempSync, openSync, readSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { BuildEvent } from '../../core/events.ts';
import { formatSeconds } from '../sizes.ts';
import { LogLines, stripColours } from './log-lines.ts';
import type { Reporter, Terminal } from './reporter.ts';

/** Characters of one waiting step that stay in memory. */
const IN_MEMORY = 64 * 1024;
const READ_SIZE = 64 * 1024;

export type Folding = 'github' | 'gitlab' | 'none';

export const foldingOf = (env: Readonly<Record<string, string | undefined>>): Folding =>
  env['GITHUB_ACTIONS'] === 'true' ? 'github' : env['GITLAB_CI'] === 'true' ? 'gitlab' : 'none';

interface Step {
  readonly name: string;
  readonly number: number;
  readonly started: number;
  readonly lines: LogLines;
  waiting: string[];
  size: number;
  spool: number | null;
  /** Closing line, once the step has ended. */
  end: string | null;
}

export function openGroupReporter(terminal: Terminal, folding: Folding): Reporter {
  return new GroupReporter(terminal, folding);
}

class GroupReporter implements Reporter {
  readonly #terminal: Terminal;
  readonly #folding: Folding;
  /** In the order they began; the first is on the air. */
  readonly #steps = new Map<string, Step>();
  #count = 0;
  #onAir: Step | null = null;
  #spoolDirectory: string | null = null;

  constructor(terminal: Terminal, folding: Folding) {
    this.#terminal = terminal;
    this.#folding = folding;
  }

  event(event: BuildEvent): void {
    switch (event.type) {
      case 'vertex-started':
        this.#start(event.vertex.id, event.vertex.name, event.time);
        break;
      case 'vertex-log':
        this.#steps.get(event.id)?.lines.push(event.data);
        break;
      case 'vertex-finished':
        this.#finish(event);
        break;
      case 'notice':
        this.#terminal.write(`note: ${event.message}\n`);
        break;
      case 'progress':
      case 'diagnostic':
        break;
    }
  }

  close(): void {
    for (const step of [...this.#steps.values()]) {
      step.lines.end();
      step.end ??= 'INTERRUPTED';
    }
    this.#advance();
    if (this.#spoolDirectory !== null) rmSync(this.#spoolDirectory, { recursive: true, force: true });
    this.#spoolDirectory = null;
  }

  #start(id: string, name: string, time: number): void {
    if (this.#steps.has(id)) return;
    const step: Step = {
      name,
      number: ++this.#count,
      started: time,
      lines: new LogLines((line) => this.#line(step, line)),
      waiting: [],
      size: 0,
      spool: null,
      end: null,
    };
    this.#steps.set(id, step);
    this.#advance();
  }

  #finish(event: Extract<BuildEvent, { type: 'vertex-finished' }>): void {
    this.#start(event.vertex.id, event.vertex.name, event.time);
    const step = this.#steps.get(event.vertex.id);
    if (step === undefined) return;
    step.lines.end();
    const because = event.because === undefined ? '' : ` (${event.because})`;
    if (event.error !== undefined) step.end = `ERROR: ${event.error.split('\n')[0]}`;
    else step.end = event.cached ? 'CACHED' : `DONE ${formatSeconds(event.time - step.started)}${because}`;
    this.#advance();
  }

  #line(step: Step, line: string): void {
    const text = `${this.#terminal.color ? line : stripColours(line)}\n`;
    if (step === this.#onAir) {
      this.#terminal.write(text);
      return;
    }
    step.waiting.push(text);
    step.size += text.length;
    if (step.size > IN_MEMORY) this.#spill(step);
  }

  /** Moves what waits to a file, so that a flood of output does not grow memory. */
  #spill(step: Step): void {
    this.#spoolDirectory ??= mkdtempSync(join(tmpdir(), 'tsbuild-log-'));
    step.spool ??= openSync(join(this.#spoolDirectory, String(step.number)), 'w+', 0o600);
    writeSync(step.spool, step.waiting.join(''));
    step.waiting = [];
    step.size = 0;
  }

  /** Puts the next step on the air until one is there that still runs. Steps that have ended go first. */
  #advance(): void {
    for (;;) {
      if (this.#onAir !== null) {
        if (this.#onAir.end === null) return;
        this.#leave(this.#onAir);
      }
      const waiting = [...this.#steps.values()];
      const next = waiting.find((step) => step.end !== null) ?? waiting[0];
      if (next === undefined) return;
      this.#enter(next);
    }
  }

  #enter(step: Step): void {
    this.#onAir = step;
    const title = `#${step.number} ${step.name}`;
    if (this.#folding === 'github') this.#terminal.write(`::group::${title}\n`);
    else if (this.#folding === 'gitlab')
      this.#terminal.write(
        `\x1b[0Ksection_start:${Math.floor(step.started / 1000)}:step_${step.number}[collapsed=true]\r\x1b[0K${title}\n`,
      );
    else this.#terminal.write(`${title}\n`);
    if (step.spool !== null) this.#replay(step.spool);
    step.spool = null;
    if (step.waiting.length > 0) this.#terminal.write(step.waiting.join(''));
    step.waiting = [];
  }

  #leave(step: Step): void {
    this.#onAir = null;
    for (const [id, candidate] of this.#steps) if (candidate === step) this.#steps.delete(id);
    this.#terminal.write(`#${step.number} ${step.end}\n`);
    if (this.#folding === 'github') this.#terminal.write('::endgroup::\n');
    else if (this.#folding === 'gitlab')
      this.#terminal.write(`\x1b[0Ksection_end:${Math.floor(Date.now() / 1000)}:step_${step.number}\r\x1b[0K\n`);
    else this.#terminal.write('\n');
  }

  #replay(spool: number): void {
    const buffer = Buffer.allocUnsafe(READ_SIZE);
    for (let at = 0; ; ) {
      const count = readSync(spool, buffer, 0, READ_SIZE, at);
      if (count === 0) break;
      // Pieces are cut at byte positions; latin1 would break text, so whole lines are kept together.
      const end = count === READ_SIZE ? buffer.lastIndexOf(0x0a, count - 1) + 1 || count : count;
      this.#terminal.write(buffer.toString('utf8', 0, end));
      at += end;
    }
    closeSync(spool);
  }
}
