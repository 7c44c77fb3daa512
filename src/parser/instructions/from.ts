// FROM [--platform=P] IMAGE [AS NAME] (F-01 to F-03).
import type { FromInstruction } from '../ast.ts';
import { splitBlanks } from '../blanks.ts';
import { checkFlags, flagProperty, type RawFlag } from '../flags.ts';
import { argumentSpan, type InstructionInput, refuse } from '../instruction-input.ts';
import { mappedText, type Range, spanOf } from '../mapped-text.ts';
import { parseWholeWord, parseWord } from '../words.ts';

/** Stage names after lower-casing (F-02). */
const STAGE_NAME = /^[a-z][a-z0-9-_.]*$/;

export function parseFrom(input: InstructionInput): FromInstruction | null {
  const { source, wordEscape, args } = input;
  const words = splitBlanks(source.text, args);
  const flags = checkFlags(input, { platform: 'string' });
  const [image, as, name] = words;
  const named = words.length === 3 && as !== undefined && source.text.slice(as.start, as.end).toLowerCase() === 'as';
  if (image === undefined || (words.length !== 1 && !named)) return refuseArity(input, words);
  const platform = (flag: RawFlag) => parseWholeWord(flag.value ?? mappedText('', flag.span.end), wordEscape);
  const from = {
    ...input.base,
    kind: 'from' as const,
    image: parseWord(source, image.start, image.end, wordEscape),
    ...flagProperty(flags, 'platform', 'platform', platform),
  };
  if (as === undefined || name === undefined) return from;
  const stage = { text: source.text.slice(name.start, name.end), span: spanOf(source, name.start, name.end) };
  if (!STAGE_NAME.test(stage.text.toLowerCase())) {
    const message = `invalid name for build stage: ${JSON.stringify(stage.text)}, name can't start with a number or contain symbols`;
    input.error('parse/stage-name', message, stage.span, { hint: 'use letters, digits, `-`, `_` and `.`, beginning with a letter' });
  }
  return { ...from, as: { keyword: { text: source.text.slice(as.start, as.end), span: spanOf(source, as.start, as.end) }, name: stage } };
}

function refuseArity(input: InstructionInput, words: readonly Range[]): null {
  const second = words[1];
  const misspelt = words.length === 3 && second !== undefined;
  const span = misspelt ? spanOf(input.source, second.start, second.end) : argumentSpan(input);
  const hint = misspelt
    ? `the word between image and stage name must be AS, not ${input.source.text.slice(second.start, second.end)}`
    : 'write FROM IMAGE or FROM IMAGE AS NAME';
  return refuse(input, 'parse/arity', 'FROM requires either one or three arguments', span, hint);
}
