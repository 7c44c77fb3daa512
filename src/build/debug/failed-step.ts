// Looking into failures: what --on-error asks for, and what is kept of a step whose command failed.
import type { TsbuildError } from '../../core/errors.ts';
import type { RunInput, RunRequest, TerminalSize } from '../../executor/executor.ts';
import type { Vertex } from '../../graph/vertex.ts';

export type OnError =
  | { readonly type: 'fail' }
  /** Absolute path; made when missing. */
  | { readonly type: 'export'; readonly directory: string }
  | { readonly type: 'shell'; readonly terminal: ShellTerminal };

/** The user's terminal, as whoever shows progress on it lends it. */
export interface ShellTerminal {
  /** Progress ends, `banner` is shown, and the terminal belongs to the shell until `release`. */
  take(banner: readonly string[]): TakenTerminal;
}

export interface TakenTerminal {
  readonly size: TerminalSize;
  readonly input: RunInput;
  write(data: Uint8Array): void;
  /** Gives the terminal back. Idempotent. */
  release(): void;
}

export interface FailedStep {
  readonly vertex: Vertex;
  /** As the step ran; its snapshot holds what the step changed. */
  readonly request: RunRequest;
  readonly error: TsbuildError;
}
