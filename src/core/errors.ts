// The two things that are thrown. Problems of a Dockerfile are diagnostics (values); what the
// environment does to us (disk, registry, kernel, runtime) is a TsbuildError with a stable code;
// a state that must not exist is an InvariantError.
import type { ErrorCode } from './codes.ts';

export interface ErrorInit {
  readonly code: ErrorCode;
  readonly message: string;
  /** What the user can do about it, one sentence. */
  readonly hint?: string;
  readonly cause?: unknown;
  /** Facts for JSON output and tests; never secrets. */
  readonly data?: Readonly<Record<string, unknown>>;
}

export class TsbuildError extends Error {
  readonly code: ErrorCode;
  readonly hint: string | undefined;
  readonly data: Readonly<Record<string, unknown>>;
  override readonly name = 'TsbuildError';

  constructor(init: ErrorInit) {
    super(init.message, init.cause === undefined ? undefined : { cause: init.cause });
    this.code = init.code;
    this.hint = init.hint;
    this.data = init.data ?? {};
  }
}

/** A bug in tsbuild itself; printed with "please report". */
export class InvariantError extends Error {
  override readonly name = 'InvariantError';
}

export function assertNever(value: never): never {
  throw new InvariantError(`unexpected value ${JSON.stringify(value)}`);
}

export function invariant(condition: unknown, message: string): asserts condition {
  if (!condition) throw new InvariantError(message);
}

/** `errno` name (ENOENT…) of a thrown system error, else undefined. */
export function errnoOf(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined;
}

/** Text of whatever was thrown. */
export const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));
