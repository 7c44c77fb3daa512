// `tsbuild push`: prints the digests of what was sent; the progress is on stderr.
import { pushWholeImage } from '../../build/images/transfer.ts';
import { EXIT_OK } from '../exit-code.ts';
import type { RunCommand } from './command.ts';
import { withProgress } from './session.ts';

export const run: RunCommand = (args, cli) =>
  withProgress(args, cli, async (session) => {
    for (const name of args.positionals) cli.print(`${await pushWholeImage(session, name)}\n`);
    return EXIT_OK;
  });
