// `tsbuild logout`: not being logged in is no failure, as in Docker.
import { forgetLogin } from '../../build/images/credentials.ts';
import { EXIT_OK } from '../exit-code.ts';
import type { RunCommand } from './command.ts';

export const run: RunCommand = async (args, cli) => {
  const host = args.positionals[0] ?? 'docker.io';
  const removed = await forgetLogin(host, cli.env);
  cli.stderr.write(removed ? `removed the credentials of ${host}\n` : `not logged in to ${host}\n`);
  return EXIT_OK;
};
