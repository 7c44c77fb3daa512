// Instructions with exactly one argument, the whole rest of the line: USER, WORKDIR, STOPSIGNAL,
// MAINTAINER (P-42).
import { suggest } from '../../core/suggest.ts';
import type { MaintainerInstruction, WordInstruction } from '../ast.ts';
import { checkFlags } from '../flags.ts';
import { argumentSpan, argumentText, type InstructionInput, keywordName, refuse } from '../instruction-input.ts';
import { isValidSignal, SIGNAL_NAMES } from '../signals.ts';
import { literalText } from '../word-parts.ts';
import { parseWord } from '../words.ts';

export function parseSingle(kind: WordInstruction['kind']): (input: InstructionInput) => WordInstruction | null {
  return (input) => {
    // Stray flags of STOPSIGNAL are ignored (P-35).
    if (kind !== 'stopsignal') checkFlags(input, {});
    const { source, args, escapeChar } = input;
    if (args.end === args.start) return refuseEmpty(input);
    const word = parseWord(source, args.start, args.end, escapeChar);
    const text = literalText(word);
    if (kind === 'stopsignal' && text !== null && !isValidSignal(text)) {
      const near = suggest(text, SIGNAL_NAMES);
      const hint = near === null ? 'use a signal name such as SIGTERM or a number' : `did you mean ${near}?`;
      refuse(input, 'parse/stop-signal', `invalid signal: ${text}`, word.span, hint);
    }
    return { ...input.base, kind, word };
  };
}

export function parseMaintainer(input: InstructionInput): MaintainerInstruction | null {
  checkFlags(input, {});
  if (input.args.end === input.args.start) return refuseEmpty(input);
  return { ...input.base, kind: 'maintainer', name: { text: argumentText(input), span: argumentSpan(input) } };
}

function refuseEmpty(input: InstructionInput): null {
  const name = keywordName(input);
  return refuse(input, 'parse/arity', `${name} requires exactly one argument`, argumentSpan(input), `write ${name} VALUE`);
}
