// Bytes of a running step → lines that are safe to show: UTF-8 decoded across chunks, carriage
// returns applied, control sequences other than colours removed.
import { StringDecoder } from 'node:string_decoder';

/** A line without end is passed on in pieces of this many characters, so memory stays bounded. */
const LONGEST = 16_384;

// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what this removes
const NOT_COLOUR = /\x1b\[[0-9;?]*[A-Za-ln-z]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)|\x1b[^[\]]|[\x00-\x08\x0b\x0c\x0e-\x1a\x7f]/g;
// biome-ignore lint/suspicious/noControlCharactersInRegex: as above
const COLOUR = /\x1b\[[0-9;]*m/g;

export const stripColours = (text: string): string => text.replace(COLOUR, '');

/** What a terminal would show of a line with carriage returns: the last non-empty rewrite. */
function applyReturns(line: string): string {
  if (!line.includes('\r')) return line;
  const parts = line.split('\r').filter((part) => part !== '');
  return parts.at(-1) ?? '';
}

export class LogLines {
  readonly #decoder = new StringDecoder('utf8');
  readonly #onLine: (line: string) => void;
  #rest = '';

  constructor(onLine: (line: string) => void) {
    this.#onLine = onLine;
  }

  push(data: Uint8Array): void {
    const text = this.#rest + this.#decoder.write(Buffer.from(data.buffer, data.byteOffset, data.byteLength));
    let from = 0;
    for (let at = text.indexOf('\n'); at !== -1; at = text.indexOf('\n', from)) {
      this.#line(text.slice(from, at));
      from = at + 1;
    }
    this.#rest = text.slice(from);
    while (this.#rest.length > LONGEST) {
      this.#line(this.#rest.slice(0, LONGEST));
      this.#rest = this.#rest.slice(LONGEST);
    }
  }

  /** Shows what is left when the step ends without a newline. */
  end(): void {
    const rest = this.#rest + this.#decoder.end();
    this.#rest = '';
    if (rest !== '') this.#line(rest);
  }

  #line(line: string): void {
    this.#onLine(applyReturns(line).replace(NOT_COLOUR, ''));
  }
}
