// Failures as people read them: one message with place, cause and what to do. No stack traces but
// for bugs of tsbuild itself when TSBUILD_DEBUG is set.
import { DockerfileError } from '../build/request/build-request.ts';
import { StepError } from '../build/solve/step-error.ts';
import type { Diagnostic } from '../core/diagnostic.ts';
import { hasErrors, sortDiagnostics } from '../core/diagnostic.ts';
import { InvariantError, messageOf, TsbuildError } from '../core/errors.ts';
import { renderDiagnostic } from '../core/render-diagnostic.ts';
import type { SourceFile } from '../core/span.ts';
import { EXIT_FAILED, EXIT_INTERRUPTED, EXIT_USAGE } from './exit-code.ts';
import type { Terminal } from './reporter/reporter.ts';

const MOST_DIAGNOSTICS = 50;
const LOG_LINES = 40;

/** `interrupted`: a signal asked us to stop; whatever failed then failed because of it. */
export function reportError(error: unknown, terminal: Terminal, interrupted = false): number {
  if (interrupted || isInterrupt(error)) {
    terminal.write('tsbuild: interrupted\n');
    return EXIT_INTERRUPTED;
  }
  if (error instanceof DockerfileError) {
    reportDiagnostics(error.file, error.diagnostics, terminal);
    return EXIT_USAGE;
  }
  if (error instanceof StepError) return reportStep(error, terminal);
  if (error instanceof TsbuildError) {
    terminal.write(`${errorText(error, terminal)}`);
    return error.code === 'cli/usage' || error.code.startsWith('context/') || error.code.startsWith('plan/') ? EXIT_USAGE : EXIT_FAILED;
  }
  reportBug(error, terminal);
  return EXIT_FAILED;
}

export const isInterrupt = (error: unknown): boolean =>
  error instanceof Error &&
  (error.name === 'AbortError' || error.message === 'interrupted' || (error.cause !== undefined && isInterrupt(error.cause)));

/** The errors, and the warnings about a part of their places, which say why: `FROM image:$UNDECLARED`. */
function withExplanations(sorted: readonly Diagnostic[]): readonly Diagnostic[] {
  const errors = sorted.filter(({ severity }) => severity === 'error');
  const places = errors.slice(0, MOST_DIAGNOSTICS).flatMap(({ span }) => span ?? []);
  const explains = ({ span }: Diagnostic): boolean =>
    span !== undefined && places.some(({ start, end }) => start <= span.start && span.end <= end && span.end - span.start < end - start);
  return sorted.filter((diagnostic) => diagnostic.severity === 'error' || explains(diagnostic));
}

export function reportDiagnostics(file: SourceFile, diagnostics: readonly Diagnostic[], terminal: Terminal): void {
  const sorted = sortDiagnostics(diagnostics);
  const shown = hasErrors(sorted) ? withExplanations(sorted) : sorted;
  for (const diagnostic of shown.slice(0, MOST_DIAGNOSTICS))
    terminal.write(`${renderDiagnostic(diagnostic, file, { color: terminal.color })}\n`);
  if (shown.length > MOST_DIAGNOSTICS) terminal.write(`… and ${shown.length - MOST_DIAGNOSTICS} more\n`);
}

function reportStep(error: StepError, terminal: Terminal): number {
  const cause = error.cause;
  // Ignore rules of a named context, which is read when a step asks for it.
  if (cause instanceof DockerfileError) {
    reportDiagnostics(cause.file, cause.diagnostics, terminal);
    return EXIT_USAGE;
  }
  if (cause instanceof TsbuildError && error.span !== undefined) {
    const code = cause.code;
    const diagnostic = {
      code,
      severity: 'error' as const,
      message: cause.message,
      span: error.span,
      ...(cause.hint === undefined ? {} : { hint: cause.hint }),
    };
    terminal.write(`${renderDiagnostic(diagnostic, error.file, { color: terminal.color })}\n`);
  } else if (cause instanceof TsbuildError) terminal.write(errorText(cause, terminal));
  else reportBug(cause, terminal);
  if (error.because !== undefined) terminal.write(`the step was not cached: ${error.because.replace(CONTROL, '')}\n`);
  const tail = error.logTail.slice(-LOG_LINES);
  if (tail.length > 0)
    terminal.write(
      `last ${tail.length === 1 ? 'line' : `${tail.length} lines`} of ${error.label}:\n${tail.map((line) => `  ${line}\n`).join('')}`,
    );
  if (error.logPath !== null) terminal.write(`whole log: ${error.logPath}\n`);
  return EXIT_FAILED;
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what this removes
const CONTROL = /[\x00-\x08\x0b-\x1f\x7f]/g;

function errorText(error: TsbuildError, terminal: Terminal): string {
  const head = terminal.color ? `\x1b[1;31merror\x1b[0m[${error.code}]` : `error[${error.code}]`;
  const hint = error.hint === undefined ? '' : `hint: ${error.hint.replace(CONTROL, '')}\n`;
  return `${head}: ${error.message.replace(CONTROL, '')}\n${hint}`;
}

function reportBug(error: unknown, terminal: Terminal): void {
  const message = messageOf(error);
  const kind = error instanceof InvariantError ? 'internal error' : 'unexpected error';
  terminal.write(
    `tsbuild: ${kind}: ${message.replace(CONTROL, '')}\nhint: this is a bug of tsbuild, please report it; TSBUILD_DEBUG=1 shows where\n`,
  );
  if (process.env['TSBUILD_DEBUG'] !== undefined && error instanceof Error) terminal.write(`${error.stack}\n`);
}
