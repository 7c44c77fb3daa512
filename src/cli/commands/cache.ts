// `tsbuild cache ls|du|rm`: cache mounts of the store.
import { type CacheInfo, listCaches, removeCaches } from '../../build/cache-mounts/manage-caches.ts';
import { displayText } from '../../core/display-text.ts';
import { EXIT_OK } from '../exit-code.ts';
import { isOn, type ParsedArgs } from '../flags/flag.ts';
import { usageError } from '../flags/parse-argv.ts';
import { formatAge, formatSize } from '../sizes.ts';
import { tableText } from '../table-text.ts';
import type { Cli, RunCommand } from './command.ts';
import { withSession } from './session.ts';

export const run: RunCommand = (args, cli) => {
  const [action = '', ...names] = args.positionals;
  switch (action) {
    case 'ls':
    case 'list':
      refuseNames(action, names);
      return list(args, cli);
    case 'du':
      refuseNames(action, names);
      return measure(args, cli);
    case 'rm':
      return remove(args, cli, names);
    default:
      throw usageError('cache', `'tsbuild cache' does ls, du and rm, not ${JSON.stringify(action)}`);
  }
};

function refuseNames(action: string, names: readonly string[]): void {
  if (names.length > 0) throw usageError('cache', `'tsbuild cache ${action}' takes no names`);
}

const KEY_LENGTH = 12;

async function list(args: ParsedArgs, cli: Cli): Promise<number> {
  const caches = await withSession(cli, {}, listCaches);
  if (args.values.get('format') === 'json') cli.print(`${JSON.stringify(caches.map(jsonOf), null, 2)}\n`);
  else if (isOn(args, 'quiet')) cli.print(caches.map(({ id }) => `${displayText(id)}\n`).join(''));
  else {
    const now = Date.now();
    const rows = caches.map(({ id, name, size, lastUsed, inUse }) => [
      displayText(id),
      name.slice(0, KEY_LENGTH),
      formatSize(size),
      formatAge(now - lastUsed),
      inUse ? 'yes' : 'no',
    ]);
    cli.print(tableText([['ID', 'KEY', 'SIZE', 'LAST USED', 'IN USE'], ...rows]));
  }
  return EXIT_OK;
}

const jsonOf = ({ id, name, size, lastUsed, inUse }: CacheInfo): object => ({
  id,
  key: name,
  size,
  lastUsed: new Date(lastUsed).toISOString(),
  inUse,
});

/** By id: what differs only in seed or shape is one line. */
async function measure(args: ParsedArgs, cli: Cli): Promise<number> {
  const caches = await withSession(cli, {}, listCaches);
  const sizes = new Map<string, number>();
  for (const { id, size } of caches) sizes.set(id, (sizes.get(id) ?? 0) + size);
  const total = [...sizes.values()].reduce((sum, size) => sum + size, 0);
  if (args.values.get('format') === 'json') {
    cli.print(`${JSON.stringify({ caches: [...sizes].map(([id, size]) => ({ id, size })), total }, null, 2)}\n`);
    return EXIT_OK;
  }
  const rows = [...sizes].toSorted((a, b) => b[1] - a[1]).map(([id, size]) => [displayText(id), formatSize(size)]);
  cli.print(`${tableText([['ID', 'SIZE'], ...rows])}\ntotal ${formatSize(total)}\n`);
  return EXIT_OK;
}

async function remove(args: ParsedArgs, cli: Cli, names: readonly string[]): Promise<number> {
  const all = isOn(args, 'all');
  if (all === names.length > 0) throw usageError('cache', "'tsbuild cache rm' takes ids or keys, or --all");
  const removed = await withSession(cli, {}, (session) => removeCaches(session, all ? null : names));
  for (const { id, name, size } of removed) cli.print(`removed ${displayText(id)} (${name.slice(0, KEY_LENGTH)}, ${formatSize(size)})\n`);
  return EXIT_OK;
}
