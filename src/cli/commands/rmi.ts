// `tsbuild rmi`: takes names away; the space is freed by prune.
import { untagImage } from '../../build/images/list-images.ts';
import { EXIT_OK } from '../exit-code.ts';
import type { RunCommand } from './command.ts';
import { withSession } from './session.ts';

export const run: RunCommand = (args, cli) =>
  withSession(cli, {}, async (session) => {
    for (const name of args.positionals) {
      for (const removed of await untagImage(session, name)) cli.print(`untagged: ${removed}\n`);
    }
    return EXIT_OK;
  });
