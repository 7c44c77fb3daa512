// The end of a step's log, for the failure report. Bounded whatever the step prints.

const MAX_BYTES = 64 * 1024;

export class LogTail {
  #chunks: Uint8Array[] = [];
  #size = 0;

  push(data: Uint8Array): void {
    this.#chunks.push(data);
    this.#size += data.length;
    if (this.#size <= 2 * MAX_BYTES) return;
    const kept = Buffer.concat(this.#chunks).subarray(-MAX_BYTES);
    this.#chunks = [Buffer.from(kept)];
    this.#size = kept.length;
  }

  /** Last lines, oldest first, without control sequences. */
  lines(count: number): readonly string[] {
    const text = Buffer.concat(this.#chunks).toString('utf8').trimEnd();
    if (text === '') return [];
    return text.split('\n').slice(-count).map(cleanLine);
  }
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: control sequences are what this removes
const CONTROL = /\x1b\[[0-9;?]*[A-Za-z]|\x1b[^[]|[\x00-\x08\x0b-\x1f\x7f]/g;

/** What a terminal would show of the line: the last rewrite after carriage returns. */
const cleanLine = (line: string): string =>
  (
    line
      .split('\r')
      .filter((part) => part !== '')
      .at(-1) ?? ''
  ).replace(CONTROL, '');
