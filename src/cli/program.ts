// The program: finds the command, parses its flags, runs it, maps the outcome to an exit code. Nothing
// is loaded here that a fully cached build does not need, and nothing of the process (arguments,
// environment, streams) is looked at before `runProgram`: the module may be part of a start-up snapshot.
import { existsSync } from 'node:fs';
import { homedir } from 'node:os';
import { join, resolve } from 'node:path';
import { InvariantError } from '../core/errors.ts';
import type { Cli } from './commands/command.ts';
import { COMMANDS, findCommand } from './commands/table.ts';
import { EXIT_OK, EXIT_USAGE } from './exit-code.ts';
import { COMMON_FLAGS, ROOT_FLAG } from './flags/common.ts';
import { isOn } from './flags/flag.ts';
import { parseArgv } from './flags/parse-argv.ts';
import { Interrupts } from './interrupts.ts';
import { OutputErrors } from './output-errors.ts';
import type { Terminal } from './reporter/reporter.ts';

/** `tsbuild [--root DIR] [COMMAND] …`; without a command, everything is `build`'s. */
function splitCommand(argv: readonly string[]): { readonly name: string | null; readonly rest: readonly string[] } {
  const before: string[] = [];
  let at = 0;
  for (let word = argv[at] ?? ''; at < argv.length; word = argv[at] ?? '') {
    const length = word === `--${ROOT_FLAG.name}` ? 2 : word.startsWith(`--${ROOT_FLAG.name}=`) ? 1 : 0;
    if (length === 0) break;
    before.push(...argv.slice(at, at + length));
    at += length;
  }
  const word = argv[at];
  if (word === undefined && before.length > 0) return { name: 'help', rest: [] };
  if (word !== undefined && findCommand(word) !== null) return { name: word, rest: [...before, ...argv.slice(at + 1)] };
  return { name: null, rest: argv };
}

function storeRoot(flag: string | undefined, env: NodeJS.ProcessEnv): string {
  const chosen = flag ?? env['TSBUILD_ROOT'];
  if (chosen !== undefined && chosen !== '') return resolve(chosen);
  if (process.getuid?.() === 0) return '/var/lib/tsbuild';
  const data = env['XDG_DATA_HOME'];
  // XDG: a path that is not absolute does not count.
  return join(data?.startsWith('/') === true ? data : join(homedir(), '.local/share'), 'tsbuild');
}

function stderrTerminal(): Terminal {
  const { env, stderr: stream } = process;
  const color = stream.isTTY === true && env['NO_COLOR'] === undefined && env['TERM'] !== 'dumb';
  return {
    write: (text) => {
      stream.write(text);
    },
    isTTY: stream.isTTY === true && env['TERM'] !== 'dumb',
    // Consoles and pseudo terminals without a size say 0.
    get columns() {
      return stream.columns || 80;
    },
    get rows() {
      return stream.rows || 24;
    },
    color,
  };
}

async function main(typed: readonly string[], interrupts: Interrupts): Promise<number> {
  // `tsbuild help [COMMAND]`, as with every program that has commands.
  const argv = typed[0] === 'help' ? [...typed.slice(1), '--help'] : typed;
  if (argv.length === 0 || argv[0] === '--help' || argv[0] === '-h') {
    const { overview } = await import('./help.ts');
    process.stdout.write(overview(COMMANDS.map((command) => command.spec)));
    return argv.length === 0 ? EXIT_USAGE : EXIT_OK;
  }
  const { name, rest } = splitCommand(argv[0] === '--version' || argv[0] === '-v' ? ['version', ...argv.slice(1)] : argv);
  const command = findCommand(name ?? 'build') ?? findCommand('build');
  if (command === null) return EXIT_USAGE;
  const args = parseArgv(command.spec, rest, COMMON_FLAGS);
  if (isOn(args, 'help')) {
    const { commandHelp } = await import('./help.ts');
    process.stdout.write(commandHelp(command.spec));
    return EXIT_OK;
  }
  if (name === null) await refuseLookalike(args.positionals);
  interrupts.listen();
  const cli: Cli = {
    env: process.env,
    cwd: process.cwd(),
    // Opened when first read, because opening it takes longer than parsing a Dockerfile.
    get stdin() {
      return process.stdin;
    },
    print: (text) => {
      process.stdout.write(text);
    },
    stderr: stderrTerminal(),
    signal: interrupts.signal,
    divertSignal: interrupts.divert,
    root: storeRoot(args.values.get('root'), process.env),
  };
  const { run } = await command.load();
  return run(args, cli);
}

/** `tsbuild imgaes` is a mistyped command, not a context: say so instead of "context not found". */
async function refuseLookalike(positionals: readonly string[]): Promise<void> {
  const [word] = positionals;
  if (word === undefined || !/^[a-z]+$/.test(word)) return;
  if (existsSync(word)) return;
  const { suggest } = await import('../core/suggest.ts');
  const near = suggest(
    word,
    COMMANDS.map((command) => command.spec.name),
  );
  if (near === null) return;
  const { usageError } = await import('./flags/parse-argv.ts');
  throw usageError('build', `no command or context named ${word}`, `did you mean 'tsbuild ${near}'?`);
}

/** Runs the command line of this process and sets its exit code. Never rejects. */
export async function runProgram(): Promise<void> {
  // From bin/tsbuild, for this process only; whoever set something else meant it for all.
  if (process.env['GLIBC_TUNABLES'] === 'glibc.malloc.hugetlb=1') delete process.env['GLIBC_TUNABLES'];
  const interrupts = new Interrupts();
  const output = new OutputErrors(interrupts);
  const stalled = stalling();
  try {
    process.exitCode = await Promise.race([main(process.argv.slice(2), interrupts), stalled.promise]);
    const lost = output.lost();
    if (lost !== null) throw lost;
  } catch (error) {
    const { reportError } = await import('./report-error.ts');
    const lost = output.lost();
    process.exitCode = reportError(lost ?? error, stderrTerminal(), lost === null && interrupts.signal.aborted);
  }
  stalled.end();
  leave();
}

/**
 * Rejects when nothing is left that could let the command go on. Node would end then as if all were well, and
 * whoever looks at the exit code would take what was never built for done.
 */
function stalling(): { readonly promise: Promise<never>; end(): void } {
  const { promise, reject } = Promise.withResolvers<never>();
  const stop = (): void => reject(new InvariantError('the command waits for something that will never come'));
  process.once('beforeExit', stop);
  return { promise, end: () => process.off('beforeExit', stop) };
}

/** Ends without taking the heap apart first, unless output still waits for a slow reader. */
function leave(): void {
  if (process.stdout.writableLength === 0 && process.stderr.writableLength === 0) process.exit();
}
