// `--affected` and `--shard`: which of the targets asked for this process is about.

import type { Reason } from '../../build/affected/reason.ts';
import { type OpenBakeOptions, openBake, shardTargets } from '../../build/bake/open-bake.ts';
import { displayText } from '../../core/display-text.ts';
import type { Cli } from '../commands/command.ts';
import { withProgress } from '../commands/session.ts';
import { isOn, listOf, type ParsedArgs } from '../flags/flag.ts';
import { usageError } from '../flags/parse-argv.ts';
import { readDurations } from './durations.ts';
import { reportAll } from './report-all.ts';

export interface Selection {
  /** In the order asked for. */
  readonly names: readonly string[];
  /** Of --affected. */
  readonly reasons: ReadonlyMap<string, Reason>;
}

export function isSelecting(args: ParsedArgs): boolean {
  const sharded = args.values.has('shard');
  if (!sharded && args.lists.has('durations')) throw usageError('bake', '--durations is for --shard, which is not given');
  return isOn(args, 'affected') || sharded;
}

/** Null when the definition has errors, which are reported. */
export async function selectTargets(args: ParsedArgs, cli: Cli, options: OpenBakeOptions): Promise<Selection | null> {
  if (options.remote !== undefined) throw usageError('bake', '--affected and --shard are for definitions of this machine');
  const shard = shardOf(args);
  const { targets, diagnostics } = await openBake(options);
  if (diagnostics.some(({ diagnostic }) => diagnostic.severity === 'error')) {
    reportAll(diagnostics, cli);
    return null;
  }
  const asked = targets.filter((target) => !target.linked).map((target) => target.name);
  const affected = isOn(args, 'affected') ? await findAffected(args, cli, options, asked, shard !== null) : null;
  const selected = affected === null ? asked : [...affected.keys()];
  if (shard === null) return { names: selected, reasons: affected ?? new Map() };
  const shards = shardTargets({
    targets,
    names: selected,
    shards: shard.count,
    durations: readDurations(listOf(args, 'durations'), cli.cwd),
  });
  const names = shards[shard.number - 1] ?? [];
  if (!isOn(args, 'quiet')) cli.stderr.write(`shard ${shard.number} of ${shard.count}: ${names.length} of ${selected.length} targets\n`);
  return { names, reasons: affected ?? new Map() };
}

async function findAffected(
  args: ParsedArgs,
  cli: Cli,
  bake: OpenBakeOptions,
  names: readonly string[],
  strict: boolean,
): Promise<ReadonlyMap<string, Reason>> {
  const { affectedTargets } = await import('../../build/affected/affected-targets.ts');
  const { ref, targets } = await withProgress(args, cli, (session) =>
    affectedTargets(session, { bake, names, ref: args.values.get('affected') ?? null, strict }),
  );
  if (!isOn(args, 'quiet')) {
    cli.stderr.write(`${targets.length} of ${names.length} targets differ from ${displayText(ref)}\n`);
    for (const { name, reason } of targets) cli.stderr.write(`  ${name}: ${displayText(reason.text)}\n`);
  }
  return new Map(targets.map(({ name, reason }) => [name, reason]));
}

function shardOf(args: ParsedArgs): { readonly number: number; readonly count: number } | null {
  const text = args.values.get('shard');
  if (text === undefined) return null;
  const [, number, count] = (/^(\d{1,4})\/(\d{1,4})$/.exec(text) ?? []).map(Number);
  if (number === undefined || count === undefined || number < 1 || number > count)
    throw usageError('bake', `--shard is N/M with N from 1 to M, got ${JSON.stringify(text)}`);
  return { number, count };
}
