// The failure of one step, with its place in the Dockerfile and the end of its log.
import { messageOf } from '../../core/errors.ts';
import type { SourceFile, Span } from '../../core/span.ts';

export class StepError extends Error {
  override readonly name = 'StepError';
  readonly label: string;
  readonly file: SourceFile;
  readonly span: Span | undefined;
  /** Last lines of the step's output, oldest first, control characters removed. */
  readonly logTail: readonly string[];
  /** File with the whole output, when there was any. */
  readonly logPath: string | null;
  /** Why the step ran instead of coming from the cache, one line. */
  because: string | undefined;

  constructor(init: {
    readonly label: string;
    readonly file: SourceFile;
    readonly span: Span | undefined;
    readonly logTail: readonly string[];
    readonly logPath: string | null;
    readonly cause: unknown;
  }) {
    super(`${init.label}: ${messageOf(init.cause)}`, { cause: init.cause });
    this.label = init.label;
    this.file = init.file;
    this.span = init.span;
    this.logTail = init.logTail;
    this.logPath = init.logPath;
  }

  /** The same failure where another build has the step. */
  at(place: Pick<StepError, 'label' | 'file' | 'span'>): StepError {
    const { logTail, logPath, cause } = this;
    return new StepError({ ...place, logTail, logPath, cause });
  }
}
