// ENV and LABEL: `key=value …` or the legacy `key rest of line`, chosen by the first word (P-44).
import type { EnvInstruction, KeyValue } from '../ast.ts';
import { isBlank } from '../blanks.ts';
import { checkFlags } from '../flags.ts';
import { type InstructionInput, keywordName, refuse } from '../instruction-input.ts';
import { type Range, spanOf } from '../mapped-text.ts';
import { splitQuotedWords } from '../quoted-words.ts';
import { parseWord } from '../words.ts';
import { refuseNoArguments } from './command.ts';

export function parseEnv(kind: 'env' | 'label'): (input: InstructionInput) => EnvInstruction | null {
  return (input) => {
    checkFlags(input, {});
    const { source, escapeChar, args } = input;
    const words = splitQuotedWords(source.text, args, escapeChar);
    const [first] = words;
    if (first === undefined) return refuseNoArguments(input, `write ${keywordName(input)} key=value`);
    const pairs = source.text.slice(first.start, first.end).includes('=') ? readPairs(input, words) : readLegacy(input);
    if (pairs === null) return null;
    return { ...input.base, kind, pairs: pairs.pairs, legacy: pairs.legacy };
  };
}

type Pairs = { readonly pairs: readonly KeyValue[]; readonly legacy: boolean } | null;

function readPairs(input: InstructionInput, words: readonly Range[]): Pairs {
  const { source, wordEscape } = input;
  const pairs: KeyValue[] = [];
  for (const { start, end } of words) {
    const equals = source.text.slice(start, end).indexOf('=');
    if (equals === 0) refuseBlankName(input, { start, end });
    else if (equals === -1) return refuseNoEquals(input, { start, end });
    else {
      const key = parseWord(source, start, start + equals, wordEscape);
      pairs.push({ key, value: parseWord(source, start + equals + 1, end, wordEscape), span: spanOf(source, start, end) });
    }
  }
  return pairs.length === words.length ? { pairs, legacy: false } : null;
}

/** The words after it most likely belong to the same value or comment, so reading stops. */
function refuseNoEquals(input: InstructionInput, word: Range): null {
  const text = input.source.text.slice(word.start, word.end);
  const message = `can't find = in ${JSON.stringify(text)}. Must be of the form: name=value`;
  const hint = text.startsWith('#') ? 'a comment must stand on a line of its own' : 'put quotes around a value that contains blanks';
  return refuse(input, 'parse/key-value', message, spanOf(input.source, word.start, word.end), hint);
}

/** `=x`: there is no name (P-44, P-45). */
export const refuseBlankName = (input: InstructionInput, word: Range): null =>
  refuse(
    input,
    'parse/blank-name',
    `${keywordName(input)} names can not be blank`,
    spanOf(input.source, word.start, word.end),
    'put a name before the =',
  );

function readLegacy(input: InstructionInput): Pairs {
  const { source, wordEscape, args } = input;
  let keyEnd = args.start;
  while (keyEnd < args.end && !isBlank(source.text.charCodeAt(keyEnd))) keyEnd += 1;
  let valueStart = keyEnd;
  while (valueStart < args.end && isBlank(source.text.charCodeAt(valueStart))) valueStart += 1;
  if (valueStart >= args.end) {
    const name = keywordName(input);
    const key = source.text.slice(args.start, args.end);
    return refuse(
      input,
      'parse/key-value',
      `${name} must have two arguments`,
      spanOf(source, args.start, args.end),
      `write ${name} ${key}=VALUE`,
    );
  }
  const key = parseWord(source, args.start, keyEnd, wordEscape);
  const value = parseWord(source, valueStart, args.end, wordEscape);
  return { pairs: [{ key, value, span: spanOf(source, args.start, args.end) }], legacy: true };
}
