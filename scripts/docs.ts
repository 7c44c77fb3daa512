// Writes the pages of docs/ that come from tables in the source: `node scripts/docs.ts`. A test compares
// them with what is committed. Pages: cli.md (flags) and errors.md (codes).
import { writeFileSync } from 'node:fs';
import { COMMANDS } from '../src/cli/commands/table.ts';
import { COMMON_FLAGS } from '../src/cli/flags/common.ts';
import { type CommandSpec, type FlagSpec, shownValue } from '../src/cli/flags/flag.ts';
import { type CodeInfo, DIAGNOSTIC_CODES, ERROR_CODES } from '../src/core/codes.ts';

const GENERATED = '<!-- Made by `npm run docs` from the tables in src/; edit those. -->';

/** A bar ends a table cell, and `<` would begin a tag. */
const cell = (text: string): string => text.replaceAll('|', '\\|').replaceAll('<', '&lt;');

function flagCell(flag: FlagSpec): string {
  const value = shownValue(flag);
  const short = flag.short === undefined ? '' : `\`-${flag.short}\`, `;
  return `${short}\`--${flag.name}${value.replaceAll('|', '\\|')}\`${flag.kind === 'list' ? ' (repeatable)' : ''}`;
}

const byName = (flags: readonly FlagSpec[]): readonly FlagSpec[] => flags.toSorted((a, b) => (a.name < b.name ? -1 : 1));

function flagTable(flags: readonly FlagSpec[]): string[] {
  const taken = byName(flags.filter((flag) => flag.refused === undefined));
  const refused = byName(flags.filter((flag) => flag.refused !== undefined));
  const rows = taken.map((flag) => `| ${flagCell(flag)} | ${cell(flag.help)} |`);
  const refusals = refused.map((flag) => `| \`--${flag.name}\` | ${cell(flag.refused ?? '')} |`);
  return [
    ...(rows.length === 0 ? [] : ['| flag | meaning |', '|---|---|', ...rows, '']),
    ...(refusals.length === 0 ? [] : ['Known from Docker and refused:', '', '| flag | why |', '|---|---|', ...refusals, '']),
  ];
}

const commandSection = (command: CommandSpec): string[] => [
  `## tsbuild ${command.name}`,
  '',
  `${command.summary}.`,
  '',
  '```',
  `tsbuild ${command.name} [flags] ${command.usage}`.trimEnd(),
  ...(command.examples ?? []),
  '```',
  '',
  ...flagTable(command.flags),
];

/** docs/cli.md: every command with every flag. */
export function cliPage(): string {
  return [
    '# Command line',
    GENERATED,
    '',
    '`tsbuild [build] [flags] CONTEXT` builds; the other commands look after images and the store. stdout carries the result only',
    '(a digest, a table, JSON, an archive), everything else goes to stderr. Exit codes: 0 done, 1 a build, registry or store failed,',
    '2 wrong usage or an erroneous Dockerfile, 130 interrupted; `tsbuild run` ends with the code of its command, or as docker run: 127 it is not there, 126 it cannot be run, 125 tsbuild failed.',
    '',
    'Every command takes:',
    '',
    ...flagTable(COMMON_FLAGS),
    ...COMMANDS.flatMap(({ spec }) => commandSection(spec)),
  ].join('\n');
}

const codeSection = (codes: Readonly<Record<string, CodeInfo>>): string[] =>
  Object.entries(codes)
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .flatMap(([code, info]) => [`### ${code}`, '', `**${cell(info.title)}.** ${cell(info.explanation)}`, '']);

/** docs/errors.md: every code with its explanation. */
export function errorsPage(): string {
  return [
    '# Errors and warnings',
    GENERATED,
    '',
    'Each message names its code in brackets: `error[plan/unknown-stage]: …`.',
    '',
    '## In a Dockerfile',
    '',
    ...codeSection(DIAGNOSTIC_CODES),
    '## In the environment',
    '',
    ...codeSection(ERROR_CODES),
  ].join('\n');
}

export const PAGES: Readonly<Record<string, () => string>> = { 'docs/cli.md': cliPage, 'docs/errors.md': errorsPage };

if (import.meta.main) {
  for (const [path, page] of Object.entries(PAGES)) writeFileSync(new URL(`../${path}`, import.meta.url), page());
}
