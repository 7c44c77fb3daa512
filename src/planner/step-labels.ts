// Progress names of a stage's steps (F-14): `[linux/arm64 build  2/11] RUN make`.
import { formatPlatform, type Platform } from '../core/platform.ts';

/** Longest text kept of an instruction; progress shows one line anyway. */
const MAX_TEXT = 400;

export interface StepLabelsInput {
  /** '' leaves the name out: a file with one stage and no name. */
  readonly stage: string;
  readonly total: number;
  /** Shown when several platforms are built. */
  readonly platform: Platform | undefined;
}

/** Hands out numbers in order of asking. */
export class StepLabels {
  readonly #input: StepLabelsInput;
  #step = 0;

  constructor(input: StepLabelsInput) {
    this.#input = input;
  }

  next(text: string, onbuild = false): string {
    const { stage, total, platform } = this.#input;
    this.#step++;
    const prefix = [...(platform ? [formatPlatform(platform)] : []), ...(stage === '' ? [] : [stage])].map((word) => `${word} `).join('');
    const number = String(this.#step).padStart(String(total).length);
    const shown = text.length > MAX_TEXT ? `${text.slice(0, MAX_TEXT)}…` : text;
    return `[${prefix}${number}/${total}] ${onbuild ? 'ONBUILD ' : ''}${shown}`;
  }
}
