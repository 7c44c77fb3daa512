// How progress is shown. One reporter per command; it only ever writes to stderr.
import type { BuildEvent } from '../../core/events.ts';

export interface Reporter {
  event(event: BuildEvent): void;
  /** Draws the final state and gives the terminal back. Idempotent. */
  close(): void;
}

export interface Terminal {
  write(text: string): void;
  readonly isTTY: boolean;
  readonly columns: number;
  readonly rows: number;
  readonly color: boolean;
}

export type ProgressMode = 'auto' | 'tty' | 'plain' | 'rawjson' | 'quiet';

const QUIET: Reporter = { event: () => {}, close: () => {} };

export async function openReporter(mode: ProgressMode, terminal: Terminal): Promise<Reporter> {
  const resolved = mode === 'auto' ? (terminal.isTTY ? 'tty' : 'plain') : mode;
  switch (resolved) {
    case 'quiet':
      return QUIET;
    case 'rawjson':
      return (await import('./rawjson.ts')).openRawJsonReporter(terminal);
    case 'tty':
      return (await import('./tty.ts')).openTtyReporter(terminal);
    default:
      return (await import('./plain.ts')).openPlainReporter(terminal);
  }
}
