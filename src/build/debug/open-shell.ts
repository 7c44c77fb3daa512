// A shell where a step runs: the step's own request with another command and the user's terminal, so
// mounts, environment, user, limits and confinement are the step's. What it changes is thrown away.
import type { RunRequest, RunResult } from '../../executor/executor.ts';
import type { Session } from '../session.ts';
import type { ShellTerminal } from './failed-step.ts';

/** Docker's name for terminals of containers; every image's terminfo has it. */
const TERM = 'TERM=xterm';

export interface ShellRequest {
  /** `root` is what the shell sees; `snapshot` is not used. */
  readonly request: RunRequest;
  /** SHELL in force; only its program is taken, the rest is for commands. */
  readonly shell: readonly string[];
  readonly terminal: ShellTerminal;
  readonly banner: readonly string[];
}

/** Resolves when the shell has ended, however. Errors: 'exec/…' when it cannot be started. */
export async function openShell(session: Session, { request, shell, terminal, banner }: ShellRequest): Promise<RunResult> {
  const executor = await session.executor();
  const snapshot = session.index.newSnapshot();
  const { noCache: _, ...kept } = request;
  const taken = terminal.take(banner);
  try {
    const op = { ...request.op, args: [shell[0] ?? '/bin/sh'], env: [TERM, ...request.op.env] };
    const shown = { ...kept, id: `shell ${request.id}`, op, snapshot, stdin: true, terminal: taken.size };
    return await executor.run(shown, (_stream, data) => taken.write(data), session.signal, taken.input);
  } finally {
    taken.release();
    await executor.discard(snapshot).catch(() => undefined);
    session.index.removeSnapshot(snapshot);
  }
}
