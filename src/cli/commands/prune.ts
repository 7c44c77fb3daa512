// `tsbuild prune`: fails when --max-size cannot be reached, so that scripts on full disks notice.
import { giveUpReserve, type PruneOptions, pruneStore } from '../../build/store-care.ts';
import { EXIT_FAILED, EXIT_OK } from '../exit-code.ts';
import { isOn, listOf, type ParsedArgs } from '../flags/flag.ts';
import { usageError } from '../flags/parse-argv.ts';
import { formatSize, parseSize } from '../sizes.ts';
import type { RunCommand } from './command.ts';
import { withSession } from './session.ts';

const KINDS = ['blob', 'snapshot', 'toc', 'cache-mount', 'git', 'temp'] as const;
type Kind = (typeof KINDS)[number];

export const run: RunCommand = (args, cli) => {
  giveUpReserve(cli.root);
  return withSession(cli, {}, async (session) => {
    const dryRun = isOn(args, 'dry-run');
    const maxBytes = sizeFlag(args, 'max-size');
    const reservedBytes = sizeFlag(args, 'keep');
    if (reservedBytes !== undefined && maxBytes === undefined) throw usageError('prune', '--keep needs --max-size');
    const result = await pruneStore(session, {
      all: isOn(args, 'all'),
      dryRun,
      filters: filtersOf(args),
      ...(maxBytes === undefined ? {} : { maxBytes }),
      ...(reservedBytes === undefined ? {} : { reservedBytes }),
    });
    for (const item of result.removed)
      cli.print(`${dryRun ? 'would remove' : 'removed'} ${item.kind} ${item.id} (${formatSize(item.size)}): ${item.reason}\n`);
    cli.print(`${dryRun ? 'would free' : 'freed'} ${formatSize(result.freed)}, ${formatSize(result.total)} left\n`);
    if (result.over > 0) {
      cli.stderr.write(
        `tsbuild: still ${formatSize(result.over)} over --max-size: tagged images, running builds and the index use the rest\nhint: remove images with 'tsbuild rmi', then prune again\n`,
      );
      return EXIT_FAILED;
    }
    return EXIT_OK;
  });
};

function sizeFlag(args: ParsedArgs, name: string): number | undefined {
  const text = args.values.get(name);
  if (text === undefined) return undefined;
  const size = parseSize(text);
  if (size === null) throw usageError('prune', `--${name} is not a size: ${JSON.stringify(text)}`, 'write it like 500m or 10g');
  return size;
}

const UNIT_MS: Readonly<Record<string, number>> = { s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };

function filtersOf(args: ParsedArgs): NonNullable<PruneOptions['filters']> {
  const kinds: Kind[] = [];
  let unusedFor: number | undefined;
  for (const item of listOf(args, 'filter')) {
    const [key = '', value = ''] = item.split('=', 2);
    if (key === 'type') {
      const kind = KINDS.find((candidate) => candidate === value);
      if (kind === undefined) throw usageError('prune', `--filter type is one of ${KINDS.join(', ')}, got ${JSON.stringify(value)}`);
      kinds.push(kind);
    } else if (key === 'until' || key === 'unused-for') {
      const match = /^(\d+)([smhd])$/.exec(value);
      if (match === null) throw usageError('prune', `--filter ${key} is a duration like 24h, got ${JSON.stringify(value)}`);
      unusedFor = Number(match[1]) * (UNIT_MS[match[2] ?? ''] ?? 0);
    } else throw usageError('prune', `--filter has no key ${JSON.stringify(key)}`, 'keys are until and type');
  }
  return { ...(kinds.length === 0 ? {} : { kinds }), ...(unusedFor === undefined ? {} : { unusedFor }) };
}
