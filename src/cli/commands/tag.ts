// `tsbuild tag`: one more name for an image.
import { tagImage } from '../../build/images/list-images.ts';
import { EXIT_OK } from '../exit-code.ts';
import type { RunCommand } from './command.ts';
import { withSession } from './session.ts';

export const run: RunCommand = (args, cli) =>
  withSession(cli, {}, async (session) => {
    await tagImage(session, args.positionals[0] ?? '', args.positionals[1] ?? '');
    return EXIT_OK;
  });
