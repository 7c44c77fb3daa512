// `tsbuild history`: the steps that made an image, as its config tells.
import { imageHistory } from '../../build/images/list-images.ts';
import { EXIT_OK } from '../exit-code.ts';
import { isOn } from '../flags/flag.ts';
import { formatAge, formatSize } from '../sizes.ts';
import { tableText } from '../table-text.ts';
import type { RunCommand } from './command.ts';
import { wantedPlatform } from './platform.ts';
import { withSession } from './session.ts';

const SHORT = 60;

export const run: RunCommand = (args, cli) =>
  withSession(cli, {}, async (session) => {
    const rows = await imageHistory(session, args.positionals[0] ?? '', wantedPlatform(args));
    if (args.values.get('format') === 'json') {
      cli.print(`${JSON.stringify(rows, null, 2)}\n`);
      return EXIT_OK;
    }
    const now = session.clock();
    const cells = rows.map((row) => {
      const text = (row.created_by ?? '').replaceAll('\n', ' ');
      const shown = isOn(args, 'no-trunc') || text.length <= SHORT ? text : `${text.slice(0, SHORT - 1)}…`;
      return [row.created === undefined ? '-' : formatAge(now - Date.parse(row.created)), shown, formatSize(row.size), row.comment ?? ''];
    });
    cli.print(tableText([['CREATED', 'CREATED BY', 'SIZE', 'COMMENT'], ...cells]));
    return EXIT_OK;
  });
