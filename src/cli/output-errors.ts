// Output that cannot be written. A reader who went away is not our failure: without stdout (`tsbuild … | head`) there
// is nothing left to say, without stderr nobody watches and the work ends as if interrupted. A full disk is an error.
import { errnoOf, messageOf, TsbuildError } from '../core/errors.ts';
import { EXIT_OK } from './exit-code.ts';
import type { Interrupts } from './interrupts.ts';

export class OutputErrors {
  #stdout: unknown = null;

  constructor(interrupts: Interrupts) {
    process.stdout.on('error', (error) => {
      if (isClosed(error)) process.exit(process.exitCode ?? EXIT_OK);
      this.#stdout = error;
      interrupts.stop();
    });
    process.stderr.on('error', (error) => {
      if (isClosed(error)) interrupts.stop();
    });
  }

  /** The error 'cli/output' when something that was written to stdout did not arrive, else null. */
  lost(): TsbuildError | null {
    // The last write may have failed without having told so yet.
    const error = this.#stdout ?? process.stdout.errored;
    if (error === null || isClosed(error)) return null;
    const full = errnoOf(error) === 'ENOSPC' || errnoOf(error) === 'EDQUOT';
    return new TsbuildError({
      code: 'cli/output',
      message: `cannot write to standard output: ${full ? 'no space left on device' : messageOf(error)}`,
      cause: error,
      ...(full ? { hint: 'free space where the output goes, or send it elsewhere' } : {}),
    });
  }
}

const isClosed = (error: unknown): boolean => errnoOf(error) === 'EPIPE';
