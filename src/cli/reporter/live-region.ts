// The last lines of a terminal, drawn again and again in place. What is unchanged is not written, every
// frame is one write, and nothing is cleared before it is replaced: so nothing flickers.
import { textWidth } from './fit-text.ts';
import type { Terminal } from './reporter.ts';

// biome-ignore lint/suspicious/noControlCharactersInRegex: colours of our own lines
const COLOUR = /\x1b\[[0-9;]*m/g;
/** Terminals that know it show a frame when it is complete; others ignore it. */
const [BEGIN_FRAME, END_FRAME] = ['\x1b[?2026h', '\x1b[?2026l'];
const [HIDE_CURSOR, SHOW_CURSOR] = ['\x1b[?25l', '\x1b[?25h'];

export class LiveRegion {
  readonly #terminal: Terminal;
  #drawn: readonly string[] = [];
  #begun = false;

  constructor(terminal: Terminal) {
    this.#terminal = terminal;
  }

  /** Draws `live`, with `permanent` lines scrolled out above it. No line may be wider than the terminal. */
  draw(permanent: readonly string[], live: readonly string[]): void {
    const same = live.length === this.#drawn.length && live.every((line, at) => line === this.#drawn[at]);
    if (permanent.length === 0 && same) return;
    const up = this.#rowsDrawn();
    const lines = [...permanent, ...live].map((line) => `${line}\x1b[K\n`).join('');
    const cursor = this.#begun ? '' : HIDE_CURSOR;
    this.#begun = true;
    this.#terminal.write(`${BEGIN_FRAME}${cursor}${up === 0 ? '' : `\x1b[${up}A\r`}${lines}\x1b[0J${END_FRAME}`);
    this.#drawn = live;
  }

  /** Gives the cursor back. */
  close(): void {
    if (this.#begun) this.#terminal.write(SHOW_CURSOR);
    this.#begun = false;
  }

  /** A terminal that has become narrower has wrapped the lines. */
  #rowsDrawn(): number {
    const columns = Math.max(1, this.#terminal.columns);
    return this.#drawn.reduce((rows, line) => rows + Math.max(1, Math.ceil(textWidth(line.replace(COLOUR, '')) / columns)), 0);
  }
}
