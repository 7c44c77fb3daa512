// `tsbuild explain CODE`: the explanation behind a code; without one, the list of all codes.

import { ADVICE_CODES, CHECK_CODES, ruleOf } from '../../core/check-rules.ts';
import { ALL_CODES } from '../../core/codes.ts';
import { suggest } from '../../core/suggest.ts';
import { columns } from '../call/columns.ts';
import { ruleUrl } from '../call/findings.ts';
import { EXIT_OK } from '../exit-code.ts';
import { usageError } from '../flags/parse-argv.ts';
import type { RunCommand } from './command.ts';

const RULES: Readonly<Record<string, string>> = { ...CHECK_CODES, ...ADVICE_CODES };

export const run: RunCommand = async (args, cli) => {
  const asked = args.positionals[0];
  if (asked === undefined) {
    const rows = Object.entries(ALL_CODES).toSorted(([a], [b]) => (a < b ? -1 : 1));
    cli.print(
      columns(
        rows.map(([code, { title }]) => [code, title]),
        2,
      ),
    );
    return EXIT_OK;
  }
  cli.print(explanation(codeNamed(asked)));
  return EXIT_OK;
};

/** Codes, and rule names in any case. */
function codeNamed(asked: string): string {
  const wanted = asked.toLowerCase();
  if (Object.hasOwn(ALL_CODES, wanted)) return wanted;
  const rule = Object.keys(RULES).find((name) => name.toLowerCase() === wanted);
  if (rule !== undefined) return RULES[rule] ?? '';
  const near = suggest(asked, [...Object.keys(ALL_CODES), ...Object.keys(RULES)]);
  throw usageError(
    'explain',
    `no code or check named ${asked}`,
    near === null ? 'tsbuild explain lists all codes' : `did you mean ${near}?`,
  );
}

function explanation(code: string): string {
  const { title, explanation: text } = ALL_CODES[code] ?? { title: '', explanation: '' };
  const rule = ruleOf(code as Parameters<typeof ruleOf>[0]);
  const isDockers = rule !== undefined && Object.hasOwn(CHECK_CODES, rule);
  return [
    `${code}: ${title}`,
    '',
    ...wrapped(text, 78),
    ...(rule === undefined ? [] : ['', `Build check ${rule}: mute it with \`# check=skip=${rule}\`.`]),
    ...(isDockers ? [ruleUrl(rule)] : []),
    '',
  ].join('\n');
}

function wrapped(text: string, width: number): string[] {
  const lines = [''];
  for (const word of text.split(' ')) {
    const last = lines.at(-1) ?? '';
    if (last !== '' && last.length + 1 + word.length > width) lines.push(word);
    else lines[lines.length - 1] = last === '' ? word : `${last} ${word}`;
  }
  return lines;
}
