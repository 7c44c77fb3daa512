// `tsbuild images`: the names in the store and what they stand for.
import { listImages } from '../../build/images/list-images.ts';
import { hostPlatform } from '../../core/platform.ts';
import { EXIT_OK } from '../exit-code.ts';
import { isOn } from '../flags/flag.ts';
import { formatAge, formatSize } from '../sizes.ts';
import { tableText } from '../table-text.ts';
import type { RunCommand } from './command.ts';
import { withSession } from './session.ts';

export const run: RunCommand = (args, cli) =>
  withSession(cli, {}, async (session) => {
    const images = await listImages(session, hostPlatform(process.arch));
    if (isOn(args, 'quiet')) cli.print(images.map((image) => `${image.digest}\n`).join(''));
    else if (args.values.get('format') === 'json') cli.print(`${JSON.stringify(images, null, 2)}\n`);
    else {
      const now = session.clock();
      const rows = images.map((image) => [
        image.name,
        image.digest.slice(7, 19),
        image.platforms.join(', '),
        formatAge(now - image.created),
        formatSize(image.size),
      ]);
      cli.print(tableText([['IMAGE', 'DIGEST', 'PLATFORM', 'CREATED', 'SIZE'], ...rows]));
    }
    return EXIT_OK;
  });
