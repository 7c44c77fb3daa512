// Flags of `tsbuild bake`.
import { BUILDING_FLAGS } from './building.ts';
import type { CommandSpec } from './flag.ts';

export const BAKE_COMMAND: CommandSpec = {
  name: 'bake',
  summary: 'Build the targets of a bake or compose file together',
  usage: '[TARGET…]',
  min: 0,
  max: Infinity,
  flags: [
    {
      name: 'file',
      short: 'f',
      kind: 'list',
      placeholder: 'FILE',
      help: 'Definition file, may be repeated (default: compose.yaml, docker-bake.hcl, docker-bake.json, …)',
    },
    { name: 'set', kind: 'list', placeholder: 'PATTERN.KEY=VALUE', help: 'Override an attribute of targets; += adds to a list' },
    { name: 'print', kind: 'switch', help: 'Print the resolved targets as JSON and build nothing' },
    {
      name: 'list',
      kind: 'value',
      placeholder: 'targets|variables',
      help: 'List targets or variables and build nothing (type=targets,format=json)',
    },
    {
      name: 'affected',
      kind: 'optional',
      placeholder: 'REF',
      help: 'Only targets whose inputs differ from a commit (default: where HEAD left the default branch of origin)',
    },
    {
      name: 'shard',
      kind: 'value',
      placeholder: 'N/M',
      help: 'Only part N of M equal parts of the targets, the same in every process',
    },
    {
      name: 'durations',
      kind: 'list',
      placeholder: 'FILE',
      help: 'Metadata file of an earlier run, by whose durations --shard balances its parts',
    },
    {
      name: 'watch',
      kind: 'optional',
      placeholder: 'poll',
      help: 'Build again what changed, until interrupted; =poll looks every second, for file systems that tell nothing',
    },
    { name: 'discover', kind: 'switch', help: 'Print a bake file for the Dockerfiles below this directory, and build nothing' },
    { name: 'check', kind: 'switch', help: 'Check the Dockerfiles of the targets and build nothing' },
    {
      name: 'call',
      kind: 'value',
      placeholder: 'METHOD[,format=FORMAT]',
      help: 'What to do with each target: build, check, outline or targets; as text or json',
    },
    { name: 'fail-fast', kind: 'switch', help: 'Stop everything when one target fails (default: only targets that need it)' },
    { name: 'jobs', short: 'j', kind: 'value', placeholder: 'N', help: 'Targets built at a time (default: 4 per CPU, at least 16)' },
    {
      name: 'max-parallelism',
      kind: 'value',
      placeholder: 'N',
      help: 'Steps run at a time, of all targets together (default: 4 per CPU, at least 16)',
    },
    ...BUILDING_FLAGS,
  ],
  examples: [
    'tsbuild bake',
    'tsbuild bake web api --set *.platform=linux/arm64',
    'tsbuild bake -f compose.yaml --print',
    'tsbuild bake --list targets',
    'tsbuild bake --watch web',
    'tsbuild bake --affected=origin/main --shard 3/8',
  ],
};
