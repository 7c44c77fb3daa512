// Instructions with exactly one argument, the whole rest of the line: USER, WORKDIR, STOPSIGNAL,
// MAINTAINER (P-42). Signals are judged after expansion (signals.ts).
import type { MaintainerInstruction, WordInstruction } from '../ast.ts';
import { checkFlags } from '../flags.ts';
import { argumentSpan, argumentText, type InstructionInput, keywordName, refuse } from '../instruction-input.ts';
import { parseWord } from '../words.ts';

export function parseSingle(kind: WordInstruction['kind']): (input: InstructionInput) => WordInstruction | null {
  return (input) => {
    // Stray flags of STOPSIGNAL are ignored (P-35).
    if (kind !== 'stopsignal') checkFlags(input, {});
    const { source, args, wordEscape } = input;
    if (args.end === args.start) return refuseEmpty(input);
    return { ...input.base, kind, word: parseWord(source, args.start, args.end, wordEscape) };
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
