// EXPOSE and VOLUME: lists of words (P-39, P-41, I-04). Ports are judged after expansion (ports.ts).
import type { Word, WordsInstruction } from '../ast.ts';
import { splitBlanks } from '../blanks.ts';
import { checkFlags } from '../flags.ts';
import { type InstructionInput, refuse } from '../instruction-input.ts';
import { parseJsonArray } from '../json-array.ts';
import { parseWholeWord, parseWord } from '../words.ts';
import { refuseNoArguments, refuseNotStrings } from './command.ts';

export function parseExpose(input: InstructionInput): WordsInstruction | null {
  checkFlags(input, {});
  const words = readWords(input);
  if (words.length === 0) return refuseNoArguments(input, 'write EXPOSE 80 or EXPOSE 53/udp');
  return { ...input.base, kind: 'expose', words, json: false };
}

export function parseVolume(input: InstructionInput): WordsInstruction | null {
  checkFlags(input, {});
  const json = parseJsonArray(input.source, input.args);
  if (json.type === 'not-strings') return refuseNotStrings(input, input.args);
  const words = json.type === 'strings' ? json.items.map((item) => parseWholeWord(item, input.wordEscape)) : readWords(input);
  if (words.length === 0) return refuseNoArguments(input, 'write VOLUME /path or VOLUME ["/path"]');
  for (const word of words) {
    if (word.raw.trim() === '') refuse(input, 'parse/volume', 'VOLUME specified can not be an empty string', word.span, 'name a path');
  }
  return { ...input.base, kind: 'volume', words, json: json.type === 'strings' };
}

const readWords = (input: InstructionInput): Word[] =>
  splitBlanks(input.source.text, input.args).map(({ start, end }) => parseWord(input.source, start, end, input.wordEscape));
