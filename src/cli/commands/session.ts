// Opening a session for a command and closing it whatever happens.
import { type Isolation, openSession, type Session } from '../../build/session.ts';
import type { Emit } from '../../core/events.ts';
import { usageError } from '../flags/parse-argv.ts';
import type { Cli } from './command.ts';

export async function withSession<T>(
  cli: Cli,
  options: { readonly emit?: Emit; readonly isolation?: string },
  body: (session: Session) => Promise<T>,
): Promise<T> {
  const session = openSession({
    root: cli.root,
    emit: options.emit ?? ((event) => event.type === 'notice' && cli.stderr.write(`note: ${event.message}\n`)),
    signal: cli.signal,
    clock: Date.now,
    isolation: isolationOf(options.isolation ?? cli.env['TSBUILD_ISOLATION']),
  });
  try {
    return await body(session);
  } finally {
    await session.close();
  }
}

const MODES: readonly Isolation[] = ['auto', 'root', 'rootless', 'chroot'];

function isolationOf(text: string | undefined): Isolation {
  if (text === undefined || text === '') return 'auto';
  const mode = MODES.find((candidate) => candidate === text);
  if (mode === undefined) throw usageError('build', `isolation is one of ${MODES.join(', ')}, got ${JSON.stringify(text)}`);
  return mode;
}
