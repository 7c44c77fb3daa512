// `tsbuild bake`: all targets of definition files in one go, or what they are (--print, --list, --check).
import { readFileSync } from 'node:fs';
import { isCalled, targetsToBuild } from '../../build/bake/called-targets.ts';
import { type OpenBakeOptions, openBake, printBake, printCalls } from '../../build/bake/open-bake.ts';
import { fetchDefinition, type RemoteDefinition, remoteTarget, remoteUrl } from '../../build/bake/remote-definition.ts';
import type { TargetOutcome } from '../../build/bake/run-bake.ts';
import { type Session, sessionWith } from '../../build/session.ts';
import type { BuildEvent } from '../../core/events.ts';
import type { BakeReport } from '../bake/call-targets.ts';
import { DURATION_KEY } from '../bake/durations.ts';
import { printList } from '../bake/print-list.ts';
import { reportAll } from '../bake/report-all.ts';
import { isSelecting, selectTargets } from '../bake/select-targets.ts';
import { watchTargets } from '../bake/watch-targets.ts';
import { bakeOverrides } from '../bake-options.ts';
import { buildMetadata, writeMetadata } from '../build-metadata.ts';
import { EXIT_FAILED, EXIT_OK, EXIT_USAGE } from '../exit-code.ts';
import { isOn, listOf, type ParsedArgs } from '../flags/flag.ts';
import { usageError } from '../flags/parse-argv.ts';
import { reportError } from '../report-error.ts';
import { bakeSummary } from '../reporter/bake-summary.ts';
import { TargetTally } from '../reporter/target-tally.ts';
import type { Cli, RunCommand } from './command.ts';
import { withProgress } from './session.ts';

type Resolved = Awaited<ReturnType<typeof openBake>>;

/** What is built when no target is selected. */
const NOTHING: Resolved = { groups: [], targets: [], diagnostics: [], conflicts: [] };

export const run: RunCommand = async (args, cli) => {
  if (isOn(args, 'discover')) return discover(args, cli);
  const url = remoteUrl(args.positionals[0]);
  if (url === null) return bake(args, cli, null);
  const remote = await withProgress(args, cli, (session) => fetchDefinition(session, url));
  try {
    return await bake(args, cli, remote);
  } finally {
    remote.close();
  }
};

async function bake(args: ParsedArgs, cli: Cli, remote: RemoteDefinition | null): Promise<number> {
  let stdin: string | null = null;
  const options: OpenBakeOptions = {
    stdin: () => {
      stdin ??= readFileSync(0, 'utf8');
      return stdin;
    },
    ...(remote === null ? {} : { remote }),
    files: listOf(args, 'file'),
    targets: remote === null ? args.positionals : args.positionals.slice(1),
    overrides: bakeOverrides(args),
    environment: cli.env,
    workingDirectory: cli.cwd,
  };
  if (isOn(args, 'watch')) return watchTargets(args, cli, options, (resolved) => buildTargets(resolved, args, cli));
  const selection = isSelecting(args) ? await selectTargets(args, cli, options) : null;
  if (selection === null && isSelecting(args)) return EXIT_USAGE;
  const list = args.values.get('list');
  if (list !== undefined) return printList(list, options, selection, cli);
  const printed = selection?.names.length === 0 ? NOTHING : await openBake({ ...options, targets: selection?.names ?? options.targets });
  if (reportAll(printed.diagnostics, cli)) return EXIT_USAGE;
  const shownUrl = remote?.text === undefined ? (remote?.url ?? null) : null;
  if (isOn(args, 'print')) {
    cli.print(printBake(printed.groups, printed.targets, shownUrl));
    return EXIT_OK;
  }
  const resolved = remote === null ? printed : { ...printed, targets: printed.targets.map((target) => remoteTarget(target, remote)) };
  if (remote !== null) {
    const { checkHostAccess } = await import('../../build/bake/host-access.ts');
    checkHostAccess(resolved.targets, { workingDirectory: cli.cwd, directory: remote.directory, allow: allowedOf(args) });
  }
  if (reportAll(resolved.conflicts, cli)) return EXIT_USAGE;
  return resolved.targets.some(isCalled)
    ? answerTargets(resolved, args, cli, (answers) => printCalls(printed.groups, printed.targets, answers, shownUrl))
    : buildTargets(resolved, args, cli);
}

async function discover(args: ParsedArgs, cli: Cli): Promise<number> {
  const given = [...args.switches.keys(), ...args.values.keys(), ...args.lists.keys()];
  const other = given.find((name) => !['discover', 'quiet', 'progress', 'root'].includes(name));
  if (other !== undefined) throw usageError('bake', `--discover prints a definition; it does not go with --${other}`);
  if (args.positionals.length > 0) throw usageError('bake', '--discover looks at the working directory and takes no targets');
  const { discoverBake } = await import('../../build/discover/discover-bake.ts');
  cli.print(discoverBake(cli.cwd));
  return EXIT_OK;
}

/** Some targets are asked about, others may be built beside them. */
async function answerTargets(
  resolved: Resolved,
  args: ParsedArgs,
  cli: Cli,
  print: (answers: Parameters<typeof printCalls>[2]) => string,
): Promise<number> {
  const { callTargets, questionsOf } = await import('../bake/call-targets.ts');
  const questions = questionsOf(resolved.targets, args);
  const targets = targetsToBuild(resolved.targets);
  const built = targets.length === 0 ? { code: EXIT_OK, metadata: {} } : await buildAll(targets, args, cli);
  const answered = await callTargets(resolved.targets, questions, cli, print);
  return reported(args, { code: Math.max(built.code, answered.code), metadata: { ...built.metadata, ...answered.metadata } });
}

const buildTargets = async ({ targets }: Resolved, args: ParsedArgs, cli: Cli): Promise<number> =>
  reported(args, await buildAll(targets, args, cli));

function reported(args: ParsedArgs, { code, metadata }: BakeReport): number {
  const path = args.values.get('metadata-file');
  if (path !== undefined) writeMetadata(path, metadata);
  return code;
}

async function buildAll(targets: Resolved['targets'], args: ParsedArgs, cli: Cli): Promise<BakeReport> {
  const { runBake } = await import('../../build/bake/run-bake.ts');
  const options = {
    environment: cli.env,
    workingDirectory: cli.cwd,
    allow: allowedOf(args),
    ...atATime(args, 'jobs', 'jobs'),
    ...atATime(args, 'max-parallelism', 'maxParallelism'),
    failFast: isOn(args, 'fail-fast'),
  };
  const tally = new TargetTally();
  const outcomes = await withProgress(args, cli, (session) => runBake(watched(session, tally), targets, options));
  for (const outcome of outcomes) {
    if (outcome.type !== 'failed') continue;
    cli.stderr.write(`target ${outcome.target.name} failed:\n`);
    reportError(outcome.error, cli.stderr, cli.signal.aborted);
  }
  if (!isOn(args, 'quiet') && outcomes.length > 0) cli.stderr.write(bakeSummary(outcomes, tally));
  const code = outcomes.every((outcome) => outcome.type === 'built') ? EXIT_OK : EXIT_FAILED;
  return { code, metadata: metadataOf(outcomes) };
}

const watched = (session: Session, tally: TargetTally): Session =>
  sessionWith(session, {
    emit(event: BuildEvent) {
      tally.event(event);
      session.emit(event);
    },
  });

/** One object per target that was built. */
const metadataOf = (outcomes: readonly TargetOutcome[]): Record<string, unknown> =>
  Object.fromEntries(outcomes.flatMap((outcome) => (outcome.type === 'built' ? [[outcome.target.name, targetMetadata(outcome)]] : [])));

/** The time is what --shard balances by. */
const targetMetadata = ({ outcome, milliseconds }: Extract<TargetOutcome, { type: 'built' }>): Record<string, unknown> => ({
  ...buildMetadata(outcome),
  [DURATION_KEY]: milliseconds,
});

function atATime<Key extends string>(args: ParsedArgs, flag: string, key: Key): { readonly [key in Key]?: number } {
  const text = args.values.get(flag);
  if (text === undefined) return {};
  if (!/^[1-9]\d{0,3}$/.test(text)) throw usageError('bake', `--${flag} is a number from 1, got ${JSON.stringify(text)}`);
  return { [key]: Number(text) } as { [key in Key]: number };
}

/** `fs=`, `fs.read=`, `fs.write=` and `ssh` count for definitions from elsewhere. */
function allowedOf(args: ParsedArgs): readonly string[] {
  const allowed = listOf(args, 'allow').flatMap((item) => item.split(','));
  const unknown = allowed.find((item) => !/^(?:network\.host|security\.insecure|ssh|fs(?:\.read|\.write)?=.+)$/s.test(item));
  if (unknown === undefined) return allowed;
  const known = 'network.host, security.insecure, fs=PATH, fs.read=PATH, fs.write=PATH and ssh';
  throw usageError('bake', `--allow knows ${known}, not ${JSON.stringify(unknown)}`);
}
