// How the modules of bake say that a definition is wrong: a BakeProblem carries one diagnostic and the
// file it is about. It is thrown inside, and becomes a value at the door (resolve-bake.ts).
import type { BakeCode } from '../core/codes/bake.ts';
import type { Diagnostic, Label, Severity } from '../core/diagnostic.ts';
import type { SourceFile, Span } from '../core/span.ts';

export interface BakeDiagnostic {
  readonly diagnostic: Diagnostic;
  /** The definition file that the diagnostic's spans are in; null for problems of flags and environment. */
  readonly file: SourceFile | null;
}

export interface ProblemPlace {
  readonly span?: Span;
  readonly hint?: string;
  readonly notes?: readonly string[];
  readonly labels?: readonly Label[];
  readonly severity?: Severity;
}

export function problem(code: BakeCode, message: string, place: ProblemPlace = {}): Diagnostic {
  const { severity = 'error', ...rest } = place;
  return { code, severity, message, ...rest };
}

export class BakeProblem extends Error {
  override readonly name = 'BakeProblem';
  readonly diagnostic: Diagnostic;
  readonly file: SourceFile | null;
  /** What else was found, in the order of the files. */
  readonly others: readonly BakeProblem[];

  constructor(diagnostic: Diagnostic, file: SourceFile | null = null, others: readonly BakeProblem[] = []) {
    super(diagnostic.message);
    this.diagnostic = diagnostic;
    this.file = file;
    this.others = others;
  }

  /** The same problem, in `file` unless it already knows where. */
  in(file: SourceFile): BakeProblem {
    return this.file === null
      ? new BakeProblem(
          this.diagnostic,
          file,
          this.others.map((other) => other.in(file)),
        )
      : this;
  }

  all(): readonly BakeDiagnostic[] {
    return [{ diagnostic: this.diagnostic, file: this.file }, ...this.others.flatMap((other) => other.all())];
  }
}

/** Of one file; whoever finds more stops looking. */
export const MOST_PROBLEMS = 20;

/** Does nothing when there are no problems. Throws one that stands for all. */
export function throwProblems(problems: readonly BakeProblem[]): void {
  const [first, ...others] = problems;
  if (first !== undefined) throw new BakeProblem(first.diagnostic, first.file, [...first.others, ...others]);
}

/** What `body` gives; null when it throws a problem, which is added to `problems`. */
export function caught<T>(problems: BakeProblem[], body: () => T): T | null {
  try {
    return body();
  } catch (error) {
    if (!(error instanceof BakeProblem)) throw error;
    problems.push(error);
    return null;
  }
}

/** A problem without a place in any file. */
export const plainProblem = (code: BakeCode, message: string, hint?: string): BakeProblem =>
  new BakeProblem(problem(code, message, hint === undefined ? {} : { hint }));
