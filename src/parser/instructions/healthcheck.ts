// HEALTHCHECK NONE | [OPTIONS] CMD command (I-10).

import { suggest } from '../../core/suggest.ts';
import type { HealthcheckInstruction } from '../ast.ts';
import { isSpace, skipSpaces } from '../blanks.ts';
import { parseDuration } from '../duration.ts';
import { checkFlags, type FlagValues, flagText, valueSpan } from '../flags.ts';
import { argumentSpan, type InstructionInput, refuse } from '../instruction-input.ts';
import { type Range, spanOf } from '../mapped-text.ts';
import { parseCommand, refuseNoArguments } from './command.ts';

const TABLE = { interval: 'string', timeout: 'string', 'start-period': 'string', 'start-interval': 'string', retries: 'string' } as const;
const MILLISECOND = 1_000_000;

export function parseHealthcheck(input: InstructionInput): HealthcheckInstruction | null {
  const { source, args } = input;
  let typeEnd = args.start;
  while (typeEnd < args.end && !isSpace(source.text.charCodeAt(typeEnd))) typeEnd += 1;
  if (typeEnd === args.start) return refuseNoArguments(input, 'write HEALTHCHECK CMD command or HEALTHCHECK NONE');
  const written = source.text.slice(args.start, typeEnd);
  const type = written.toUpperCase();
  const rest: Range = { start: skipSpaces(source.text, typeEnd, args.end), end: args.end };
  if (type === 'NONE') return parseNone(input, rest);
  const flags = checkFlags(input, TABLE);
  if (type !== 'CMD') {
    const message = `Unknown type ${JSON.stringify(type)} in HEALTHCHECK (try CMD)`;
    const near = suggest(type, ['CMD', 'NONE']);
    const hint = near === null ? `write HEALTHCHECK CMD ${written} …` : `did you mean ${near}?`;
    return refuse(input, 'parse/healthcheck', message, spanOf(source, args.start, typeEnd), hint);
  }
  const command = parseCommand(input, rest);
  if (command === null) return null;
  if (command.form === 'exec' ? command.args.length === 0 : command.text === '') {
    return refuse(
      input,
      'parse/healthcheck',
      'Missing command after HEALTHCHECK CMD',
      argumentSpan(input),
      'write HEALTHCHECK CMD command',
    );
  }
  const check = {
    type: 'cmd' as const,
    command,
    interval: readDuration(input, flags, 'interval'),
    timeout: readDuration(input, flags, 'timeout'),
    startPeriod: readDuration(input, flags, 'start-period'),
    startInterval: readDuration(input, flags, 'start-interval'),
    retries: readRetries(input, flags),
  };
  return { ...input.base, kind: 'healthcheck', check };
}

/** `NONE []` passes: the list of arguments is empty. */
function parseNone(input: InstructionInput, rest: Range): HealthcheckInstruction | null {
  const command = parseCommand(input, rest);
  if (command === null) return null;
  if (command.form === 'exec' ? command.args.length > 0 : command.text !== '') {
    return refuse(input, 'parse/healthcheck', 'HEALTHCHECK NONE takes no arguments', command.span, 'remove what follows NONE');
  }
  return { ...input.base, kind: 'healthcheck', check: { type: 'none' } };
}

function readDuration(input: InstructionInput, flags: FlagValues, name: string): number {
  const flag = flags.get(name)?.[0];
  if (flag === undefined || flagText(flag) === '') return 0;
  const nanoseconds = parseDuration(flagText(flag));
  const hint = 'use a duration of at least 1ms such as 30s, 1m30s or 500ms';
  if (nanoseconds === null) {
    input.error('parse/duration', `--${name}: invalid duration ${JSON.stringify(flagText(flag))}`, valueSpan(flag), { hint });
    return 0;
  }
  if (nanoseconds === 0 || nanoseconds >= MILLISECOND) return nanoseconds;
  input.error('parse/duration', `Interval "${name}" cannot be less than 1ms`, valueSpan(flag), { hint });
  return 0;
}

function readRetries(input: InstructionInput, flags: FlagValues): number {
  const flag = flags.get('retries')?.[0];
  if (flag === undefined || flagText(flag) === '') return 0;
  const text = flagText(flag);
  const value = /^[-+]?\d{1,20}$/.test(text) ? Number(text) : Number.NaN;
  if (value >= 0 && value <= 0x7fff_ffff) return value;
  const message = value < 0 ? `--retries cannot be negative (${text})` : `--retries: ${JSON.stringify(text)} is not a number of retries`;
  input.error('parse/healthcheck', message, valueSpan(flag), { hint: 'use a whole number of 0 or more' });
  return 0;
}
