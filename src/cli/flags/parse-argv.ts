// argv → flags by a command's table, with the grammar of Docker's CLI: `--name value`,
// `--name=value`, `-n value`, `-nvalue`, grouped short switches, `--` ends flags.
import { TsbuildError } from '../../core/errors.ts';
import { suggest } from '../../core/suggest.ts';
import type { CommandSpec, FlagSpec, ParsedArgs } from './flag.ts';

export const usageError = (command: string, message: string, hint?: string): TsbuildError =>
  new TsbuildError({ code: 'cli/usage', message, hint: hint ?? `see 'tsbuild ${command} --help'` });

interface Collector {
  readonly switches: Map<string, boolean>;
  readonly values: Map<string, string>;
  readonly lists: Map<string, string[]>;
  readonly positionals: string[];
}

/** Throws 'cli/usage' for anything the table does not allow. */
export function parseArgv(command: CommandSpec, argv: readonly string[], common: readonly FlagSpec[]): ParsedArgs {
  const flags = [...command.flags, ...common];
  const out: Collector = { switches: new Map(), values: new Map(), lists: new Map(), positionals: [] };
  let at = 0;
  const next = (): string | undefined => argv[at++];
  for (let word = next(); word !== undefined; word = next()) {
    if (word === '--') {
      out.positionals.push(...argv.slice(at));
      break;
    }
    if (word.startsWith('--')) parseLong(command, flags, word, next, out);
    else if (word.startsWith('-') && word !== '-') parseShort(command, flags, word, next, out);
    else {
      out.positionals.push(word);
      if (command.rest === true) {
        out.positionals.push(...argv.slice(at));
        break;
      }
    }
  }
  if (out.switches.get('help') !== true) checkCount(command, out.positionals);
  return out;
}

function checkCount(command: CommandSpec, positionals: readonly string[]): void {
  if (positionals.length >= command.min && positionals.length <= command.max) return;
  const wanted =
    command.min === command.max
      ? `${command.min}`
      : command.max === Infinity
        ? `at least ${command.min}`
        : `${command.min} to ${command.max}`;
  throw usageError(
    command.name,
    `'tsbuild ${command.name}' takes ${wanted} argument${wanted === '1' ? '' : 's'}, got ${positionals.length}`,
    `usage: tsbuild ${command.name} [flags] ${command.usage}`,
  );
}

function parseLong(command: CommandSpec, flags: readonly FlagSpec[], word: string, next: () => string | undefined, out: Collector): void {
  const equals = word.indexOf('=');
  const name = equals === -1 ? word.slice(2) : word.slice(2, equals);
  const flag = flags.find((candidate) => candidate.name === name);
  if (flag === undefined) {
    const near = suggest(
      name,
      flags.filter((candidate) => candidate.refused === undefined).map((candidate) => candidate.name),
    );
    throw usageError(command.name, `unknown flag --${name}`, near === null ? undefined : `did you mean --${near}?`);
  }
  store(command, flag, `--${name}`, equals === -1 ? null : word.slice(equals + 1), next, out);
}

function parseShort(command: CommandSpec, flags: readonly FlagSpec[], word: string, next: () => string | undefined, out: Collector): void {
  for (let at = 1; at < word.length; at += 1) {
    const letter = word.charAt(at);
    const flag = flags.find((candidate) => candidate.short === letter);
    if (flag === undefined) throw usageError(command.name, `unknown flag -${letter}${word.length > 2 ? ` in ${word}` : ''}`);
    if (flag.kind === 'switch' && word.charAt(at + 1) !== '=') {
      store(command, flag, `-${letter}`, null, next, out);
      continue;
    }
    const rest = word.slice(at + 1);
    store(command, flag, `-${letter}`, rest === '' ? null : rest.replace(/^=/, ''), next, out);
    return;
  }
}

function store(
  command: CommandSpec,
  flag: FlagSpec,
  shown: string,
  inline: string | null,
  next: () => string | undefined,
  out: Collector,
): void {
  if (flag.kind === 'switch') {
    const on = inline === null ? true : parseBoolean(inline);
    if (on === null) throw usageError(command.name, `${shown} takes true or false, got ${JSON.stringify(inline)}`);
    if (on) refuse(command, flag, shown);
    out.switches.set(flag.name, on);
    return;
  }
  if (flag.kind === 'optional') {
    if (inline === '') throw usageError(command.name, `${shown}= has no value (${flag.placeholder ?? 'VALUE'})`);
    out.switches.set(flag.name, true);
    if (inline === null) out.values.delete(flag.name);
    else out.values.set(flag.name, inline);
    return;
  }
  const value = inline ?? next();
  refuse(command, flag, shown, value);
  if (value === undefined) throw usageError(command.name, `${shown} needs a value (${flag.placeholder ?? 'VALUE'})`);
  // An empty value is the default, for scripts that pass on a variable.
  if (flag.choices !== undefined && value !== '' && !flag.choices.includes(value)) {
    const near = suggest(value, flag.choices);
    throw usageError(
      command.name,
      `${shown} is one of ${flag.choices.join(', ')}, got ${JSON.stringify(value)}`,
      near === null ? undefined : `did you mean ${near}?`,
    );
  }
  if (flag.kind === 'value') out.values.set(flag.name, value);
  else out.lists.set(flag.name, [...(out.lists.get(flag.name) ?? []), value]);
}

/** Go's strconv.ParseBool, which Docker's flags use. */
export function parseBoolean(text: string): boolean | null {
  if (['1', 't', 'T', 'true', 'TRUE', 'True'].includes(text)) return true;
  if (['0', 'f', 'F', 'false', 'FALSE', 'False'].includes(text)) return false;
  return null;
}

/** Flags that Docker has and tsbuild has not are refused with the reason; switching one off, or an empty value, is what happens anyway. */
function refuse(command: CommandSpec, flag: FlagSpec, shown: string, value?: string): void {
  if (flag.refused === undefined || value === 'false' || value === '') return;
  throw usageError(command.name, `${shown} is not supported: ${flag.refused}`);
}
