// `tsbuild login`: asks the registry before anything is written.
import { createInterface } from 'node:readline/promises';
import { text as readAll } from 'node:stream/consumers';
import { checkAndSaveLogin } from '../../build/images/credentials.ts';
import { EXIT_OK } from '../exit-code.ts';
import { isOn, type ParsedArgs } from '../flags/flag.ts';
import { usageError } from '../flags/parse-argv.ts';
import type { Cli, RunCommand } from './command.ts';

export const run: RunCommand = async (args, cli) => {
  const host = args.positionals[0] ?? 'docker.io';
  const { username, password } = await credentials(args, cli);
  const where = await checkAndSaveLogin(host, username, password, cli.env, cli.signal);
  cli.stderr.write(`login succeeded; kept in ${where}\n`);
  return EXIT_OK;
};

async function credentials(args: ParsedArgs, cli: Cli): Promise<{ username: string; password: string }> {
  const fromStdin = isOn(args, 'password-stdin');
  let username = args.values.get('username');
  let password = args.values.get('password');
  if (fromStdin && password !== undefined) throw usageError('login', '--password and --password-stdin exclude each other');
  if (fromStdin && username === undefined) throw usageError('login', '--password-stdin needs --username');
  if (fromStdin) password = (await readAll(cli.stdin)).replace(/\r?\n$/, '');
  if (username !== undefined && password !== undefined) return { username, password };
  if (process.stdin.isTTY !== true) throw usageError('login', 'no user name and password given', 'pass -u NAME --password-stdin');
  const prompt = createInterface({ input: process.stdin, output: process.stderr });
  try {
    username ??= await prompt.question('Username: ');
    password ??= await askHidden(prompt);
  } finally {
    prompt.close();
  }
  return { username, password };
}

/** The terminal must not echo a password: what readline would write while it is typed is dropped. */
async function askHidden(prompt: ReturnType<typeof createInterface>): Promise<string> {
  process.stderr.write('Password: ');
  const write = process.stderr.write.bind(process.stderr);
  process.stderr.write = () => true;
  try {
    return await prompt.question('');
  } finally {
    process.stderr.write = write;
    process.stderr.write('\n');
  }
}
