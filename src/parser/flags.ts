// Flags in front of an instruction's arguments: finding them in the text (P-31) and checking them
// against the table of the instruction (P-32 to P-34).

import type { Span } from '../core/span.ts';
import { suggest } from '../core/suggest.ts';
import type { Flag } from './ast.ts';
import { isSpace } from './blanks.ts';
import type { InstructionInput } from './instruction-input.ts';
import { appendRange, type MappedText, type MappedTextBuilder, mappedTextBuilder, originOf, type Range, spanOf } from './mapped-text.ts';

/** One `--name[=value]` as written, quotes and escapes resolved. */
export interface RawFlag {
  /** Without the dashes. */
  readonly name: string;
  /** Null when there is no `=`. */
  readonly value: MappedText | null;
  readonly span: Span;
  readonly nameSpan: Span;
}

export type FlagKind = 'bool' | 'string' | 'strings';

/** Accepted occurrences by name. */
export type FlagValues = ReadonlyMap<string, readonly RawFlag[]>;

const BACKSLASH = 0x5c;
const DASH = 0x2d;

/** Leading flags of `range` and where the arguments begin. The escape is always `\` here, even inside single quotes (P-31). */
export function splitFlags(source: MappedText, range: Range): { flags: RawFlag[]; rest: number } {
  const { text } = source;
  const flags: RawFlag[] = [];
  let at = range.start;
  while (true) {
    while (at < range.end && isSpace(text.charCodeAt(at))) at += 1;
    if (at + 1 >= range.end || text.charCodeAt(at) !== DASH || text.charCodeAt(at + 1) !== DASH) return { flags, rest: at };
    const word = mappedTextBuilder();
    const end = scanFlag(source, at, range.end, word);
    const content = word.finish(originOf(source, at));
    if (content.text === '--') return { flags, rest: end };
    flags.push(rawFlag(content, spanOf(source, at, end)));
    at = end;
  }
}

function scanFlag(source: MappedText, start: number, end: number, word: MappedTextBuilder): number {
  const { text } = source;
  let quote = 0;
  /** Where the text begins that is taken as it stands. */
  let plain = start;
  let at = start;
  for (; at < end; at += 1) {
    const code = text.charCodeAt(at);
    if (quote === 0 && isSpace(code)) break;
    const marks = code === BACKSLASH || (quote !== 0 ? code === quote : code === 0x22 || code === 0x27);
    if (!marks) continue;
    appendRange(word, source, plain, at);
    plain = at + 1;
    // What stands behind it is text, whatever it is.
    if (code === BACKSLASH) at += 1;
    else quote = quote === 0 ? code : 0;
  }
  const stop = Math.min(at, end);
  appendRange(word, source, plain, stop);
  return stop;
}

function rawFlag(content: MappedText, span: Span): RawFlag {
  const { text } = content;
  const equals = text.indexOf('=');
  const nameEnd = equals === -1 ? text.length : equals;
  const value = equals === -1 ? null : sliceMapped(content, equals + 1);
  return { name: text.slice(2, nameEnd), value, span, nameSpan: { start: span.start, end: spanOf(content, 0, nameEnd).end } };
}

function sliceMapped(content: MappedText, start: number): MappedText {
  const { text } = content;
  if (start >= text.length) return { text: '', starts: [0], origins: [originOf(content, text.length - 1) + 1] };
  const kept = content.starts.findLastIndex((at) => at <= start);
  const starts = content.starts.slice(kept).map((at) => Math.max(at - start, 0));
  const origins = content.origins.slice(kept);
  return { text: text.slice(start), starts, origins: [originOf(content, start), ...origins.slice(1)] };
}

/** Checks the instruction's flags; refused ones are reported and left out. */
export function checkFlags(input: InstructionInput, table: Readonly<Record<string, FlagKind>>): FlagValues {
  const accepted = new Map<string, RawFlag[]>();
  for (const flag of input.flags) {
    const kind = Object.hasOwn(table, flag.name) ? table[flag.name] : undefined;
    const earlier = accepted.get(flag.name);
    if (kind === undefined) reportUnknown(input, flag, Object.keys(table));
    else if (earlier?.[0] !== undefined && kind !== 'strings') {
      input.error('parse/duplicate-flag', `duplicate flag specified: --${flag.name}`, flag.span, {
        labels: [{ span: earlier[0].span, text: 'first given here' }],
      });
    } else if (isComplete(input, flag, kind)) {
      if (earlier === undefined) accepted.set(flag.name, [flag]);
      else earlier.push(flag);
    }
  }
  return accepted;
}

function reportUnknown(input: InstructionInput, flag: RawFlag, known: readonly string[]): void {
  const name = input.base.keyword.text.toUpperCase();
  const near = suggest(flag.name, known);
  const list = known.map((item) => `--${item}`).join(', ');
  const hint = near !== null ? `did you mean --${near}?` : list === '' ? `${name} takes no flags` : `${name} takes ${list}`;
  input.error('parse/unknown-flag', `unknown flag: --${flag.name}`, flag.nameSpan, { hint });
}

function isComplete(input: InstructionInput, flag: RawFlag, kind: FlagKind): boolean {
  if (kind !== 'bool') {
    if (flag.value !== null) return true;
    input.error('parse/flag-value', `missing a value on flag: --${flag.name}`, flag.span, { hint: `write --${flag.name}=VALUE` });
    return false;
  }
  if (flag.value === null || /^(?:true|false)$/i.test(flag.value.text)) return true;
  const message =
    flag.value.text === ''
      ? `missing a value on flag: --${flag.name}`
      : `expecting boolean value for flag --${flag.name}, not: ${flag.value.text}`;
  input.error('parse/flag-value', message, flag.span, { hint: `write --${flag.name}, --${flag.name}=true or --${flag.name}=false` });
  return false;
}

export const valueSpan = (flag: RawFlag): Span =>
  flag.value === null ? flag.span : flag.value.text === '' ? spanOf(flag.value, 0, 0) : spanOf(flag.value, 0, flag.value.text.length);

/** The single flag `name` converted by `convert`, as a property to spread; nothing when absent. */
export function flagProperty<K extends string, T>(
  flags: FlagValues,
  name: string,
  property: K,
  convert: (flag: RawFlag) => T,
): { readonly [P in K]?: Flag<T> } {
  const flag = flags.get(name)?.[0];
  return flag === undefined ? {} : ({ [property]: convertFlag(flag, convert) } as { readonly [P in K]?: Flag<T> });
}

export const convertFlag = <T>(flag: RawFlag, convert: (flag: RawFlag) => T): Flag<T> => ({
  value: convert(flag),
  span: flag.span,
  valueSpan: valueSpan(flag),
});

export const flagText = (flag: RawFlag): string => flag.value?.text ?? '';

export const flagBoolean = (flag: RawFlag): boolean => flag.value === null || flag.value.text.toLowerCase() === 'true';
