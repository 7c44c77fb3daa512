// Opening a session for a command and closing it whatever happens.
import { type Isolation, openSession, type Session } from '../../build/session.ts';
import { displayText } from '../../core/display-text.ts';
import type { Emit } from '../../core/events.ts';
import { isOn, type ParsedArgs } from '../flags/flag.ts';
import { usageError } from '../flags/parse-argv.ts';
import { Explanation } from '../reporter/explanation.ts';
import { openReporter, type ProgressMode } from '../reporter/reporter.ts';
import { grows, keepLimit, storeLimit } from '../store-limit.ts';
import type { Cli } from './command.ts';

export async function withSession<T>(
  cli: Cli,
  options: { readonly emit?: Emit; readonly isolation?: string },
  body: (session: Session) => Promise<T>,
): Promise<T> {
  const session = openSession({
    root: cli.root,
    emit: options.emit ?? ((event) => event.type === 'notice' && noteTo(cli)(event.message)),
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

/** --isolation of the command line. */
export function isolationOption(args: ParsedArgs): { readonly isolation?: string } {
  const isolation = args.values.get('isolation');
  return isolation === undefined ? {} : { isolation };
}

/** For notices of commands that show no progress. */
export const noteTo =
  ({ stderr }: Pick<Cli, 'stderr'>) =>
  (message: string): void =>
    stderr.write(`note: ${displayText(message)}\n`);

const MODES: readonly Isolation[] = ['auto', 'root', 'rootless', 'chroot', 'fuse', 'copy'];

function isolationOf(text: string | undefined): Isolation {
  if (text === undefined || text === '') return 'auto';
  const mode = MODES.find((candidate) => candidate === text);
  if (mode === undefined) throw usageError('build', `isolation is one of ${MODES.join(', ')}, got ${JSON.stringify(text)}`);
  return mode;
}

/** A session whose events are shown as --progress says. `endProgress` gives the terminal to somebody else for good. */
export async function withProgress<T>(
  args: ParsedArgs,
  cli: Cli,
  body: (session: Session, endProgress: () => void) => Promise<T>,
): Promise<T> {
  const flag = args.values.get('progress') || undefined;
  if (isOn(args, 'quiet') && flag !== undefined && flag !== 'auto' && flag !== 'quiet')
    throw usageError('build', `--progress=${flag} and --quiet exclude each other`);
  const asked = flag ?? (cli.env['TSBUILD_PROGRESS'] || cli.env['BUILDKIT_PROGRESS'] || 'auto');
  const mode = isOn(args, 'quiet') ? 'quiet' : progressMode(asked);
  const reporter = await openReporter(mode, cli.stderr);
  const explanation = new Explanation(isOn(args, 'explain') && mode !== 'rawjson');
  let grew = false;
  let ended = false;
  const endProgress = (): void => {
    ended = true;
    reporter.close();
  };
  try {
    const emit: Emit = (event) => {
      explanation.event(event);
      grew ||= grows(event);
      if (!ended) reporter.event(event);
      else if (event.type === 'notice') noteTo(cli)(event.message);
    };
    const limit = storeLimit(cli.root, cli.env);
    const limited = async (session: Session): Promise<T> => {
      const result = await body(session, endProgress);
      if (limit !== null && grew) await keepLimit(session, limit);
      return result;
    };
    return await withSession(cli, { emit, ...isolationOption(args) }, limited);
  } finally {
    reporter.close();
    cli.stderr.write(explanation.text());
  }
}

const PROGRESS: readonly ProgressMode[] = ['auto', 'tty', 'plain', 'group', 'rawjson', 'quiet'];

function progressMode(text: string): ProgressMode {
  const mode = PROGRESS.find((candidate) => candidate === text);
  if (mode === undefined) throw usageError('build', `progress is one of ${PROGRESS.join(', ')}, got ${JSON.stringify(text)}`);
  return mode;
}
