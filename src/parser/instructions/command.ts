// Commands in shell or exec form: CMD, ENTRYPOINT and, shared with RUN and HEALTHCHECK, the choice
// between the forms; SHELL, which knows only the exec form (P-36 to P-41, I-09).
import type { Command, CommandInstruction, ShellInstruction } from '../ast.ts';
import { checkFlags } from '../flags.ts';
import { argumentSpan, type InstructionInput, keywordName, refuse } from '../instruction-input.ts';
import { parseJsonArray } from '../json-array.ts';
import { type Range, spanOf } from '../mapped-text.ts';

/** Null after a JSON array with other things than strings was reported. */
export function parseCommand(input: InstructionInput, range: Range): Command | null {
  const { source } = input;
  const span = range.end > range.start ? spanOf(source, range.start, range.end) : { start: input.base.span.end, end: input.base.span.end };
  const json = parseJsonArray(source, range);
  if (json.type === 'not-strings') return refuseNotStrings(input, range);
  if (json.type === 'not-json') return { form: 'shell', text: source.text.slice(range.start, range.end), span };
  return { form: 'exec', args: json.items.map((item) => item.text.toWellFormed()), span };
}

export function refuseNotStrings(input: InstructionInput, range: Range): null {
  const message = 'when using JSON array syntax, arrays must be comprised of strings only';
  return refuse(
    input,
    'parse/not-string-array',
    message,
    spanOf(input.source, range.start, range.end),
    'put every element in double quotes',
  );
}

export function parseCmdOrEntrypoint(kind: 'cmd' | 'entrypoint'): (input: InstructionInput) => CommandInstruction | null {
  return (input) => {
    checkFlags(input, {});
    const command = parseCommand(input, input.args);
    return command === null ? null : { ...input.base, kind, command };
  };
}

export function parseShell(input: InstructionInput): ShellInstruction | null {
  checkFlags(input, {});
  const command = parseCommand(input, input.args);
  if (command === null) return null;
  const empty = command.form === 'exec' ? command.args.length === 0 : command.text === '';
  if (empty) return refuseNoArguments(input, 'write SHELL ["/bin/sh", "-c"]');
  if (command.form === 'exec') return { ...input.base, kind: 'shell', args: command.args };
  const message = 'SHELL requires the arguments to be in JSON form';
  return refuse(input, 'parse/json-required', message, command.span, 'write SHELL ["executable", "parameter"] with double quotes');
}

/** P-41. */
export const refuseNoArguments = (input: InstructionInput, hint: string): null =>
  refuse(input, 'parse/arity', `${keywordName(input)} requires at least one argument`, argumentSpan(input), hint);
