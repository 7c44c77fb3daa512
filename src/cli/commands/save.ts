// `tsbuild save`: images as one archive, to stdout unless -o names a file.
import { saveImages } from '../../build/images/archives.ts';
import { EXIT_OK } from '../exit-code.ts';
import type { RunCommand } from './command.ts';
import { withSession } from './session.ts';

export const run: RunCommand = (args, cli) =>
  withSession(cli, {}, async (session) => {
    await saveImages(session, args.positionals, args.values.get('format') === 'oci' ? 'oci' : 'docker', args.values.get('output') ?? '-');
    return EXIT_OK;
  });
