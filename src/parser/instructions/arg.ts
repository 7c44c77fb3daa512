// ARG name[=default] … (P-45). Stray flags are ignored, as BuildKit does (P-35).
import type { ArgInstruction } from '../ast.ts';
import type { InstructionInput } from '../instruction-input.ts';
import { spanOf } from '../mapped-text.ts';
import { splitQuotedWords } from '../quoted-words.ts';
import { parseWord } from '../words.ts';
import { refuseNoArguments } from './command.ts';
import { refuseBlankName } from './env.ts';

export function parseArg(input: InstructionInput): ArgInstruction | null {
  const { source, escapeChar, wordEscape, args } = input;
  const words = splitQuotedWords(source.text, args, escapeChar);
  if (words.length === 0) return refuseNoArguments(input, 'write ARG name or ARG name=default');
  const parsed: ArgInstruction['args'][number][] = [];
  for (const { start, end } of words) {
    const equals = source.text.slice(start, end).indexOf('=');
    if (equals === 0) {
      refuseBlankName(input, { start, end });
      continue;
    }
    const nameEnd = equals === -1 ? end : start + equals;
    const name = { text: source.text.slice(start, nameEnd), span: spanOf(source, start, nameEnd) };
    const span = spanOf(source, start, end);
    parsed.push(equals === -1 ? { name, span } : { name, span, value: parseWord(source, nameEnd + 1, end, wordEscape) });
  }
  return parsed.length === words.length ? { ...input.base, kind: 'arg', args: parsed } : null;
}
