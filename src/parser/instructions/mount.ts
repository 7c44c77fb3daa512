// One `--mount=key=value,…` of RUN (M-01, M-04). Only what BuildKit refuses while parsing is refused
// here; keys, types and values are judged when a stage is built, by the planner.
import type { MountField } from '../ast.ts';
import { splitCsv } from '../csv.ts';
import { type RawFlag, valueSpan } from '../flags.ts';
import type { InstructionInput } from '../instruction-input.ts';
import { type MappedText, spanOf } from '../mapped-text.ts';
import { parseWord } from '../words.ts';

/** Fields in order, keys lower-cased; null when the value is not a list of fields. */
export function parseMount(input: InstructionInput, flag: RawFlag): readonly MountField[] | null {
  if (flag.value === null) return null;
  const parts = splitCsv(flag.value);
  if (typeof parts === 'string') {
    input.error('parse/mount-field', `failed to parse csv mounts: ${parts}`, valueSpan(flag), {
      hint: 'write --mount=type=TYPE,key=value',
    });
    return null;
  }
  const fields = parts.map((part) => readField(input, part));
  for (const { key, value } of fields) {
    if (key.text !== 'from' || value === undefined || !/\$./s.test(value.raw)) continue;
    input.error('parse/from-expansion', "'from' doesn't support variable expansion, define alias stage instead", value.span, {
      hint: 'add `FROM …$VARIABLE… AS name` above and use from=name',
    });
  }
  return fields;
}

function readField(input: InstructionInput, part: MappedText): MountField {
  const { text } = part;
  const equals = text.indexOf('=');
  const keyEnd = equals === -1 ? text.length : equals;
  const key = { text: text.slice(0, keyEnd).toLowerCase(), span: spanOf(part, 0, keyEnd) };
  const span = spanOf(part, 0, text.length);
  return equals === -1 ? { key, span } : { key, span, value: parseWord(part, equals + 1, text.length, input.wordEscape) };
}
