// ONBUILD: the trigger is kept as text and parsed again in the child build (O-01, O-02). Only what
// BuildKit's first pass looks at is checked here: JSON arrays and the pairs of ENV and LABEL.
import type { OnbuildInstruction } from '../ast.ts';
import { checkFlags } from '../flags.ts';
import type { InstructionInput } from '../instruction-input.ts';
import { splitLine } from '../logical-line.ts';
import { spanOf } from '../mapped-text.ts';
import { parseCommand, refuseNoArguments } from './command.ts';
import { parseEnv } from './env.ts';

const JSON_TRIGGERS = new Set(['ADD', 'CMD', 'COPY', 'ENTRYPOINT', 'RUN', 'SHELL', 'VOLUME']);

export function parseOnbuild(input: InstructionInput): OnbuildInstruction | null {
  checkFlags(input, {});
  const { source, args } = input;
  if (args.end === args.start) return refuseNoArguments(input, 'write ONBUILD INSTRUCTION');
  const trigger = splitLine(source, args.start);
  const keyword = source.text.slice(trigger.keyword.start, trigger.keyword.end);
  if (!isAllowedTrigger(input, keyword.toUpperCase(), spanOf(source, trigger.keyword.start, trigger.keyword.end))) return null;
  const inner: InstructionInput = {
    ...input,
    base: { ...input.base, keyword: { text: keyword, span: spanOf(source, trigger.keyword.start, trigger.keyword.end) } },
    flags: [],
    args: trigger.args,
  };
  const name = keyword.toUpperCase();
  if (JSON_TRIGGERS.has(name) && parseCommand(inner, trigger.args) === null) return null;
  const isPairs = name === 'ENV' || name === 'LABEL';
  if (isPairs && trigger.args.end > trigger.args.start && parseEnv(name === 'ENV' ? 'env' : 'label')(inner) === null) return null;
  // Stored as written after ONBUILD, blanks at the end included.
  const text = source.text.slice(args.start);
  const bodies = input.heredocs.map((body) => `\n${input.fileText.slice(body.content.start, body.content.end)}${body.opener.name}`);
  return { ...input.base, kind: 'onbuild', trigger: { text: text + bodies.join(''), span: spanOf(source, args.start, args.end) } };
}

/** O-02; shared with the parsing of triggers taken from an image. */
export function isAllowedTrigger(input: Pick<InstructionInput, 'error'>, keyword: string, span: { start: number; end: number }): boolean {
  if (keyword === 'ONBUILD') {
    input.error('parse/onbuild-trigger', "Chaining ONBUILD via `ONBUILD ONBUILD` isn't allowed", span, { hint: 'write ONBUILD once' });
    return false;
  }
  if (keyword !== 'FROM' && keyword !== 'MAINTAINER') return true;
  input.error('parse/onbuild-trigger', `${keyword} isn't allowed as an ONBUILD trigger`, span, { hint: `move ${keyword} out of ONBUILD` });
  return false;
}
