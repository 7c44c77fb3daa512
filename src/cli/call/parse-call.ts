// `--call=METHOD[,format=FORMAT][,ignorestatus=true]`, as buildx reads it, and --check, which is short for it.
import { csvFields } from '../csv-fields.ts';
import { isOn, type ParsedArgs } from '../flags/flag.ts';
import { parseBoolean, usageError } from '../flags/parse-argv.ts';

const CALLS = ['check', 'outline', 'targets'] as const;
const FORMATS = ['text', 'json', 'sarif', 'github'] as const;
const FIELDS = ['format', 'ignorestatus'];

export interface Call {
  readonly name: (typeof CALLS)[number];
  readonly format: (typeof FORMATS)[number];
  /** Findings do not make the command fail. */
  readonly ignoreStatus: boolean;
}

/** Null when the image is to be built: no --call, or `--call=build`. */
export function callOf(args: ParsedArgs, command: 'build' | 'bake'): Call | null {
  const text = args.values.get('call') ?? (isOn(args, 'check') ? 'check' : 'build');
  const call = parseCall(text, command, args.values.get('format'));
  if (isOn(args, 'check') && args.values.has('call') && call?.name !== 'check')
    throw usageError(command, `--check contradicts --call=${text.split(',')[0]}`);
  return call;
}

/** `asked`: the format when `text` may say another. */
export function parseCall(text: string, command: 'build' | 'bake', asked?: string): Call | null {
  const fail = (message: string): Error => usageError(command, message);
  const fields = csvFields(text, fail);
  const [word = 'build', ...others] = [...fields.keys()].filter((key) => !FIELDS.includes(key) && (key !== '' || fields.size > 1));
  const format = asked ?? fields.get('format');
  if (others.length > 0) throw fail(`--call=${text}: ${JSON.stringify(others[0])} is none of its fields: ${FIELDS.join(', ')}`);
  if (word === 'build' && format === undefined) return null;
  if (word === 'build') throw fail(`an image has no format ${format}: that is for --call=${CALLS.join(', ')}`);
  const name = CALLS.find((call) => call === (word === 'lint' ? 'check' : word));
  if (name === undefined) throw fail(`--call is build, ${CALLS.join(', ')}, not ${JSON.stringify(word)}`);
  const ignoreStatus = parseBoolean(fields.get('ignorestatus') ?? 'false');
  if (ignoreStatus === null) throw fail(`--call=${text}: ignorestatus is true or false`);
  return { name, format: formatOf(format ?? 'text', name, fail), ignoreStatus };
}

function formatOf(text: string, name: Call['name'], fail: (message: string) => Error): Call['format'] {
  const format = FORMATS.find((candidate) => candidate === text);
  if (format === undefined) throw fail(`the format of --call is one of ${FORMATS.join(', ')}, not ${JSON.stringify(text)}`);
  if (name !== 'check' && (format === 'sarif' || format === 'github'))
    throw fail(`--call=${name} has the formats text and json, not ${format}`);
  return format;
}
