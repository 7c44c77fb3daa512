// `tsbuild pull`: prints the digests of what came; the progress is on stderr.
import { pullWholeImage } from '../../build/images/transfer.ts';
import { EXIT_OK } from '../exit-code.ts';
import type { RunCommand } from './command.ts';
import { wantedPlatform } from './platform.ts';
import { withProgress } from './session.ts';

export const run: RunCommand = (args, cli) =>
  withProgress(args, cli, async (session) => {
    for (const name of args.positionals) cli.print(`${await pullWholeImage(session, name, wantedPlatform(args, cli.env))}\n`);
    return EXIT_OK;
  });
