// `tsbuild run`: a command in a container of an image. Its input, output and exit code are ours.
import { randomBytes } from 'node:crypto';
import { type RunImageOptions, type RunResult, runImage } from '../../build/images/run-image.ts';
import { hostLine, ulimit } from '../build-options.ts';
import { EXIT_FAILED, EXIT_NOT_FOUND, EXIT_NOT_RUNNABLE, EXIT_RUN_FAILED } from '../exit-code.ts';
import { isOn, listOf, type ParsedArgs } from '../flags/flag.ts';
import { networkOf } from '../flags/network.ts';
import { usageError } from '../flags/parse-argv.ts';
import { optional } from '../optional.ts';
import { reportError } from '../report-error.ts';
import { parseSize } from '../sizes.ts';
import { hasTerminal, onResize, takeTerminal, terminalSize } from '../user-terminal.ts';
import { parseVolume } from '../volumes.ts';
import type { Cli, RunCommand } from './command.ts';
import { wantedPlatform } from './platform.ts';
import { withSession } from './session.ts';

/** The command's own exit code becomes ours; 128 + N for a signal is what shells do and the sandbox reports. */
export const run: RunCommand = async (args, cli) => {
  const options = optionsOf(args, cli);
  try {
    return await runIn(args, cli, options);
  } catch (error) {
    const code = reportError(error, cli.stderr, cli.signal.aborted);
    return code === EXIT_FAILED ? EXIT_RUN_FAILED : code;
  }
};

function runIn(args: ParsedArgs, cli: Cli, options: RunImageOptions): Promise<number> {
  const isolation = args.values.get('isolation');
  return withSession(cli, isolation === undefined ? {} : { isolation }, async (session) => {
    const connection = connect(args, cli);
    const input = { ...connection.options.input, onSignal: cli.divertSignal };
    try {
      const result = await runImage(session, { ...options, ...connection.options, input }, (stream, data) => {
        (stream === 'stdout' ? process.stdout : process.stderr).write(data);
      });
      connection.release();
      if (result.killedBy !== undefined) cli.stderr.write(`tsbuild: the command was killed (${result.killedBy})\n`);
      return exitCodeOf(result);
    } finally {
      connection.release();
    }
  });
}

const NOT_STARTED = { missing: EXIT_NOT_FOUND, unusable: EXIT_NOT_RUNNABLE } as const;

const exitCodeOf = ({ exitCode, notStarted }: RunResult): number => (notStarted === undefined ? exitCode : NOT_STARTED[notStarted]);

function optionsOf(args: ParsedArgs, cli: Cli): RunImageOptions {
  const [image = '', ...command] = args.positionals;
  const memory = args.values.get('memory');
  const bytes = memory === undefined ? undefined : parseSize(memory);
  if (bytes === null) throw usageError('run', `--memory is not a size: ${JSON.stringify(memory)}`);
  const cpus = args.values.get('cpus');
  if (cpus !== undefined && !(Number(cpus) > 0)) throw usageError('run', `--cpus is not a number: ${JSON.stringify(cpus)}`);
  const workdir = args.values.get('workdir');
  if (workdir?.startsWith('/') === false) throw usageError('run', `--workdir is not an absolute path: ${JSON.stringify(workdir)}`);
  return {
    image,
    command,
    env: listOf(args, 'env').flatMap((item) =>
      item.includes('=') ? [item] : cli.env[item] === undefined ? [] : [`${item}=${cli.env[item]}`],
    ),
    hostname: args.values.get('hostname') ?? randomBytes(6).toString('hex'),
    network: networkOf(args),
    addHosts: listOf(args, 'add-host').map((item) => hostLine(item, 'run')),
    ulimits: listOf(args, 'ulimit').map((item) => ulimit(item, 'run')),
    volumes: listOf(args, 'volume').map((item) => parseVolume(item, cli.cwd)),
    platform: wantedPlatform(args, cli.env),
    ...optional('entrypoint', args.values.get('entrypoint')),
    ...optional('user', args.values.get('user')),
    ...optional('workdir', workdir),
    ...optional('memory', bytes),
    ...optional('cpus', cpus === undefined ? undefined : Number(cpus)),
  };
}

interface Connection {
  readonly options: Pick<RunImageOptions, 'terminal' | 'input'>;
  release(): void;
}

/** -i and -t: with both, the user's terminal becomes the program's; -t alone gives a terminal nobody types to. */
function connect(args: ParsedArgs, cli: Cli): Connection {
  const [interactive, tty] = [isOn(args, 'interactive'), isOn(args, 'tty')];
  if (interactive && tty) {
    if (!hasTerminal())
      throw usageError('run', 'the input device is not a terminal', 'leave out -t to send input from a file or pipe, or -i to send none');
    const { size, input, release } = takeTerminal();
    return { options: { terminal: size, input }, release };
  }
  if (tty) return { options: { terminal: terminalSize(), input: { onResize } }, release: () => {} };
  if (!interactive) return { options: {}, release: () => {} };
  const { stdin } = cli;
  return { options: { input: { stdin } }, release: () => stdin.pause() };
}
