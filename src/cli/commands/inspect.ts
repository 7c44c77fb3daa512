// `tsbuild inspect`: manifest and config of images, as JSON only.
import { inspectImage } from '../../build/images/list-images.ts';
import { EXIT_OK } from '../exit-code.ts';
import type { RunCommand } from './command.ts';
import { wantedPlatform } from './platform.ts';
import { withSession } from './session.ts';

export const run: RunCommand = (args, cli) =>
  withSession(cli, {}, async (session) => {
    const details = [];
    for (const name of args.positionals) details.push(await inspectImage(session, name, wantedPlatform(args)));
    cli.print(`${JSON.stringify(details, null, 2)}\n`);
    return EXIT_OK;
  });
