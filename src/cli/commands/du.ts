// `tsbuild du`: what the store holds and what of it images use.
import { diskUsage } from '../../build/store-care.ts';
import { EXIT_OK } from '../exit-code.ts';
import { isOn } from '../flags/flag.ts';
import { formatAge, formatSize } from '../sizes.ts';
import { tableText } from '../table-text.ts';
import type { RunCommand } from './command.ts';
import { noteTo } from './session.ts';

export const run: RunCommand = async (args, cli) => {
  const usage = await diskUsage(cli.root, { onNotice: noteTo(cli) });
  if (args.values.get('format') === 'json') {
    cli.print(`${JSON.stringify(usage, null, 2)}\n`);
    return EXIT_OK;
  }
  const kinds = new Map<string, { count: number; size: number; inUse: number }>();
  for (const item of usage.items) {
    const row = kinds.get(item.kind) ?? { count: 0, size: 0, inUse: 0 };
    kinds.set(item.kind, { count: row.count + 1, size: row.size + item.size, inUse: row.inUse + (item.inUse ? item.size : 0) });
  }
  const rows = [...kinds].map(([kind, row]) => [kind, String(row.count), formatSize(row.size), formatSize(row.inUse)]);
  cli.print(tableText([['TYPE', 'COUNT', 'SIZE', 'USED BY IMAGES'], ...rows]));
  if (isOn(args, 'verbose')) {
    const now = Date.now();
    const items = usage.items.map((item) => [
      item.kind,
      item.id,
      formatSize(item.size),
      formatAge(now - item.lastUsed),
      item.inUse ? 'yes' : 'no',
    ]);
    cli.print(`\n${tableText([['TYPE', 'ID', 'SIZE', 'LAST USED', 'IN USE'], ...items])}`);
  }
  cli.print(`\ntotal ${formatSize(usage.total)}, reclaimable with prune --all ${formatSize(usage.reclaimable)}\n`);
  return EXIT_OK;
};
