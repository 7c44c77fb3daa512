// What a person sees of text written to a terminal: a screen of some size that obeys what our progress
// sends. Other control sequences are errors, so that a test notices when it sees less than a person.

export class Screen {
  readonly #columns: number;
  readonly #rows: number;
  /** Everything, scrolled-out rows first. */
  #lines: string[] = [''];
  #row = 0;
  #column = 0;

  constructor(columns: number, rows: number) {
    this.#columns = columns;
    this.#rows = rows;
  }

  write(text: string): void {
    // biome-ignore lint/suspicious/noControlCharactersInRegex: control sequences are what this reads
    for (const [token] of text.matchAll(/\x1b\[[?0-9;]*[A-Za-z]|[^\x1b]/gu)) this.#obey(token);
  }

  /** The rows in sight. */
  visible(): readonly string[] {
    return this.#lines.slice(this.#top()).map((line) => line.trimEnd());
  }

  /** All rows, those that have scrolled out too. */
  all(): readonly string[] {
    return this.#lines.map((line) => line.trimEnd());
  }

  /** The terminal becomes `columns` wide and wraps what is there, as most do. */
  resized(columns: number): Screen {
    const next = new Screen(columns, this.#rows);
    const rest = this.#lines.slice(0, this.#row);
    next.write(rest.map((line) => `${line.trimEnd()}\n`).join(''));
    return next;
  }

  #top(): number {
    return Math.max(0, this.#lines.length - this.#rows);
  }

  #obey(token: string): void {
    // biome-ignore lint/suspicious/noControlCharactersInRegex: as above
    const control = /^\x1b\[(\??)([0-9;]*)([A-Za-z])$/.exec(token);
    if (token === '\n') {
      this.#row += 1;
      this.#column = 0;
      if (this.#row === this.#lines.length) this.#lines.push('');
    } else if (token === '\r') this.#column = 0;
    else if (control === null) this.#print(token);
    else if (control[3] === 'A') this.#row = Math.max(this.#top(), this.#row - Number(control[2] || 1));
    else if (control[3] === 'K') this.#lines[this.#row] = (this.#lines[this.#row] ?? '').slice(0, this.#column);
    else if (control[3] === 'J') {
      this.#lines.length = this.#row + 1;
      this.#lines[this.#row] = (this.#lines[this.#row] ?? '').slice(0, this.#column);
    } else if (control[3] !== 'm' && control[1] !== '?') throw new Error(`unknown control sequence ${JSON.stringify(token)}`);
  }

  #print(char: string): void {
    if (this.#column === this.#columns) this.#obey('\n');
    const line = (this.#lines[this.#row] ?? '').padEnd(this.#column);
    this.#lines[this.#row] = line.slice(0, this.#column) + char + line.slice(this.#column + 1);
    this.#column += 1;
  }
}
