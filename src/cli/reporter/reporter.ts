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

export type ProgressMode = 'auto' | 'tty' | 'plain' | 'group' | 'rawjson' | 'quiet';

/** How a service for CI folds lines. */
export type Folding = 'github' | 'gitlab' | 'none';

const QUIET: Reporter = { event: () => {}, close: () => {} };

export async function openReporter(mode: ProgressMode, terminal: Terminal): Promise<Reporter> {
  switch (mode === 'auto' ? automatic(terminal) : mode) {
    case 'quiet':
      return QUIET;
    case 'rawjson':
      return (await import('./rawjson.ts')).openRawJsonReporter(terminal);
    case 'group':
      return (await import('./group.ts')).openGroupReporter(terminal, foldingOf(process.env));
    case 'tty':
      return (await import('./tty.ts')).openTtyReporter(terminal);
    default:
      return (await import('./plain.ts')).openPlainReporter(terminal);
  }
}

/** A terminal gets the live view; CI services that fold sections get grouped steps; the rest plain lines. */
function automatic(terminal: Terminal): ProgressMode {
  if (terminal.isTTY) return 'tty';
  return foldingOf(process.env) === 'none' ? 'plain' : 'group';
}

const foldingOf = (env: Readonly<Record<string, string | undefined>>): Folding =>
  env['GITHUB_ACTIONS'] === 'true' ? 'github' : env['GITLAB_CI'] === 'true' ? 'gitlab' : 'none';
