// COPY and ADD: flags, sources, heredocs and destination (P-43, P-57, P-59, C-01, C-30 to C-37, D-04, D-10).
import type { CopyInstruction, Heredoc, Word } from '../ast.ts';
import { splitBlanks } from '../blanks.ts';
import {
  checkFlags,
  convertFlag,
  type FlagKind,
  type FlagValues,
  flagBoolean,
  flagProperty,
  flagText,
  type RawFlag,
  valueSpan,
} from '../flags.ts';
import { heredocNode } from '../heredoc-bodies.ts';
import { readOpener } from '../heredoc-openers.ts';
import { argumentSpan, type InstructionInput, keywordName, refuse } from '../instruction-input.ts';
import { parseJsonArray } from '../json-array.ts';
import { type MappedText, mappedText, spanOf } from '../mapped-text.ts';
import { parseWholeWord, parseWord } from '../words.ts';
import { refuseNotStrings } from './command.ts';

const SHARED: Readonly<Record<string, FlagKind>> = { chown: 'string', chmod: 'string', link: 'bool', exclude: 'strings' };
const TABLES = {
  copy: { from: 'string', ...SHARED, parents: 'bool' },
  add: { ...SHARED, checksum: 'string', 'keep-git-dir': 'bool', unpack: 'bool' },
} as const;

/** One source or the destination: a range of the line, or a decoded JSON string. */
interface Argument {
  readonly source: MappedText;
  readonly start: number;
  readonly end: number;
}

export function parseCopy(kind: 'copy' | 'add'): (input: InstructionInput) => CopyInstruction | null {
  return (input) => {
    const flags = checkFlags(input, TABLES[kind]);
    const words = readArguments(input);
    if (words === null) return null;
    const dest = words.pop();
    if (dest === undefined || words.length === 0) return refuseOneWord(input);
    if (readOpener(textOf(dest)) !== null) {
      const message = `${keywordName(input)} cannot accept a heredoc as a destination`;
      return refuse(
        input,
        'parse/heredoc-destination',
        message,
        spanOf(dest.source, dest.start, dest.end),
        'add the destination path after the heredoc',
      );
    }
    checkFrom(input, flags);
    return {
      ...input.base,
      kind,
      sources: words.map((word) => readSource(input, word)),
      dest: wordOf(input, dest),
      ...copyFlags(input, flags),
    };
  };
}

function copyFlags(input: InstructionInput, flags: FlagValues) {
  const word = (flag: RawFlag): Word => parseWholeWord(flag.value ?? mappedText('', flag.span.end), input.wordEscape);
  return {
    exclude: (flags.get('exclude') ?? []).map((flag) => convertFlag(flag, word)),
    ...flagProperty(flags, 'from', 'from', flagText),
    ...flagProperty(flags, 'chown', 'chown', word),
    ...flagProperty(flags, 'chmod', 'chmod', word),
    ...flagProperty(flags, 'link', 'link', flagBoolean),
    ...flagProperty(flags, 'parents', 'parents', flagBoolean),
    ...flagProperty(flags, 'checksum', 'checksum', word),
    ...flagProperty(flags, 'keep-git-dir', 'keepGitDir', flagBoolean),
    ...flagProperty(flags, 'unpack', 'unpack', flagBoolean),
  };
}

function readArguments(input: InstructionInput): Argument[] | null {
  const { source, args } = input;
  const json = parseJsonArray(source, args);
  if (json.type === 'not-strings') return refuseNotStrings(input, args);
  if (json.type === 'strings') return json.items.map((item) => ({ source: item, start: 0, end: item.text.length }));
  return splitBlanks(source.text, args).map(({ start, end }) => ({ source, start, end }));
}

function refuseOneWord(input: InstructionInput): null {
  const name = keywordName(input);
  const message = `${name} requires at least two arguments, but only one was provided. Destination could not be determined`;
  return refuse(input, 'parse/arity', message, argumentSpan(input), `write ${name} SOURCE… DESTINATION`);
}

const textOf = (argument: Argument): string => argument.source.text.slice(argument.start, argument.end);
const wordOf = (input: InstructionInput, word: Argument): Word => parseWord(word.source, word.start, word.end, input.wordEscape);

/** A `<<NAME` word stands for the body of that name; without one it is an empty document, as in BuildKit. */
function readSource(input: InstructionInput, word: Argument): CopyInstruction['sources'][number] {
  const opener = readOpener(textOf(word), word.start);
  if (opener === null) return { type: 'path', word: wordOf(input, word) };
  const found = input.heredocs.findLast((body) => body.opener.name === opener.name);
  const end = spanOf(word.source, word.start, word.end).end;
  const body = { opener, content: found?.content ?? { start: end, end }, end, terminated: true };
  const heredoc: Heredoc = heredocNode(word.source, input.fileText, body, true);
  return { type: 'heredoc', heredoc };
}

function checkFrom(input: InstructionInput, flags: FlagValues): void {
  const from = flags.get('from')?.[0];
  // The Unicode classes cost milliseconds when first used, hence the look for `$` before.
  if (from === undefined || !flagText(from).includes('$') || !/\$[\p{L}\p{Nd}_{@*#?\-$!]/u.test(flagText(from))) return;
  const message =
    'variable expansion is not supported for --from, define a new stage with FROM using ARG from global scope as a workaround';
  input.error('parse/from-expansion', message, valueSpan(from), { hint: 'add `FROM …$VARIABLE… AS name` above and use --from=name' });
}
