// `--explain`: one line for each step that ran, below the progress, in the order in which they ended.
// In --progress=rawjson the same text is the `because` of the events.
import { displayText } from '../../core/display-text.ts';
import type { BuildEvent } from '../../core/events.ts';
import { stepTitle } from './build-state.ts';

export class Explanation {
  readonly #wanted: boolean;
  readonly #lines: string[] = [];

  constructor(wanted: boolean) {
    this.#wanted = wanted;
  }

  event(event: BuildEvent): void {
    if (!this.#wanted || event.type !== 'vertex-finished' || event.because === undefined) return;
    this.#lines.push(`explain: ${stepTitle(event.vertex)}: ${displayText(event.because)}`);
  }

  text(): string {
    return this.#lines.map((line) => `${line}\n`).join('');
  }
}
