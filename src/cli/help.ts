// Help texts, made from the flag tables.
import { COMMON_FLAGS } from './flags/common.ts';
import { type CommandSpec, type FlagSpec, shownValue } from './flags/flag.ts';

export function overview(commands: readonly CommandSpec[]): string {
  const width = Math.max(...commands.map((command) => command.name.length));
  const rows = commands.map((command) => `  ${command.name.padEnd(width)}  ${command.summary}`);
  return [
    'tsbuild: builds OCI images from Dockerfiles, without a daemon',
    '',
    'Usage: tsbuild [build] [flags] CONTEXT',
    '       tsbuild COMMAND [flags] …',
    '',
    'Commands:',
    ...rows,
    '',
    "'tsbuild COMMAND --help' shows what a command takes. Exit codes: 0 done, 1 failed, 2 wrong usage or Dockerfile, 130 interrupted.",
    '',
  ].join('\n');
}

export function commandHelp(command: CommandSpec): string {
  const flags = [...command.flags, ...COMMON_FLAGS]
    .filter((flag) => flag.refused === undefined)
    .toSorted((a, b) => (a.name < b.name ? -1 : 1));
  const left = flags.map(flagUsage);
  const width = Math.min(38, Math.max(...left.map((text) => text.length)));
  const rows = flags.map((flag, at) => {
    const usage = left[at] ?? '';
    return usage.length > width ? `  ${usage}\n  ${' '.repeat(width)}  ${flag.help}` : `  ${usage.padEnd(width)}  ${flag.help}`;
  });
  const examples = command.examples === undefined ? [] : ['', 'Examples:', ...command.examples.map((example) => `  ${example}`)];
  return [
    `tsbuild ${command.name}: ${command.summary}`,
    '',
    `Usage: tsbuild ${command.name} [flags] ${command.usage}`,
    '',
    'Flags:',
    ...rows,
    ...examples,
    '',
  ].join('\n');
}

function flagUsage(flag: FlagSpec): string {
  const short = flag.short === undefined ? '    ' : `-${flag.short}, `;
  return `${short}--${flag.name}${shownValue(flag)}`;
}
