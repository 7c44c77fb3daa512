// `--explain`: one line for each step that ran, below the progress, in the order in which they ended.
// In --progress=rawjson the same text is the `because` of the events.
import type { BuildEvent } from '../../core/events.ts';

// biome-ignore lint/suspicious/noControlCharactersInRegex: names of files may hold control characters
const CONTROL = /[\x00-\x1f\x7f]/g;

export class Explanation {
  readonly #wanted: boolean;
  readonly #lines: string[] = [];

  constructor(wanted: boolean) {
    this.#wanted = wanted;
  }

  event(event: BuildEvent): void {
    if (!this.#wanted || event.type !== 'vertex-finished' || event.because === undefined) return;
    this.#lines.push(`explain: ${event.vertex.name}: ${event.because}`.replace(CONTROL, '?'));
  }

  text(): string {
    return this.#lines.map((line) => `${line}\n`).join('');
  }
}
