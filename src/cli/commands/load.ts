// `tsbuild load`: images of an archive, from stdin unless -i names a file.
import { createReadStream, existsSync } from 'node:fs';
import { loadImages } from '../../build/images/archives.ts';
import { EXIT_OK } from '../exit-code.ts';
import { usageError } from '../flags/parse-argv.ts';
import type { RunCommand } from './command.ts';
import { withSession } from './session.ts';

export const run: RunCommand = (args, cli) =>
  withSession(cli, {}, async (session) => {
    const file = args.values.get('input');
    if (file !== undefined && !existsSync(file)) throw usageError('load', `no file ${JSON.stringify(file)}`);
    const input = file === undefined ? cli.stdin : createReadStream(file);
    for (const name of await loadImages(session, input)) cli.print(`loaded: ${name}\n`);
    return EXIT_OK;
  });
