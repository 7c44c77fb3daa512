// Functions on text.
import { STRING } from '../cty/types.ts';
import { integerValue, listValue, stringValue, type Value } from '../cty/value.ts';
import { CallProblem, type PlainFunction } from '../eval/scope.ts';
import { define, integerAt, number, STRINGS, text, textAt, textsAt, typed, variadic } from './arguments.ts';

const segmenter = (): Intl.Segmenter => new Intl.Segmenter('en', { granularity: 'grapheme' });
/** Characters as people count them. */
export const graphemes = (source: string): string[] =>
  /^[\x20-\x7e]*$/.test(source) ? [...source] : Array.from(segmenter().segment(source), (part) => part.segment);

const onText = (call: (source: string) => string): PlainFunction => define([text('str')], (args) => stringValue(call(textAt(args, 0))));

/** Negative lengths mean "to the end", negative offsets count from there. */
function substring<T>(units: readonly T[], offset: number, length: number): readonly T[] {
  const start = offset < 0 ? Math.max(0, offset + units.length) : offset;
  if (start >= units.length || length === 0) return [];
  return units.slice(start, length < 0 ? units.length : start + length);
}

/** Upper case after everything that is no letter, digit or underscore, as Go's strings.Title. */
function title(source: string): string {
  let before = ' ';
  let result = '';
  for (const char of source) {
    const separated = !/[\p{L}\p{Nd}_]/u.test(before) && !(before.charCodeAt(0) > 127 && !/\s/u.test(before));
    result += separated ? char.toUpperCase() : char;
    before = char;
  }
  return result;
}

function trimSet(source: string, cutset: string): string {
  const cut = new Set(cutset);
  const chars = [...source];
  let start = 0;
  let end = chars.length;
  while (start < end && cut.has(chars[start] ?? '')) start += 1;
  while (end > start && cut.has(chars[end - 1] ?? '')) end -= 1;
  return chars.slice(start, end).join('');
}

/** As escapes of a URL query: a blank is `+`. */
export const urlEncode = (source: string): string =>
  encodeURIComponent(source.toWellFormed())
    .replace(/[!'()*]/g, (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`)
    .replaceAll('%20', '+');

function join(args: readonly Value[]): Value {
  if (args.length < 2) throw new CallProblem('at least one list is needed');
  const parts = args.slice(1).flatMap((_, index) => textsAt(args, index + 1));
  return stringValue(parts.join(textAt(args, 0)));
}

function split(separator: string, source: string): Value {
  const parts = separator === '' ? [...source] : source === '' ? [''] : source.split(separator);
  return listValue(parts.map(stringValue), STRING);
}

/** Go maps each character to one other; what JavaScript maps to several has no such mapping, but for İ. */
function eachChar(source: string, map: (char: string) => string): string {
  return Array.from(source, (char) => {
    const [first = '', ...more] = map(char);
    return more.length === 0 ? first : char === '\u0130' ? 'i' : char;
  }).join('');
}

export const STRING_FUNCTIONS: Readonly<Record<string, PlainFunction>> = {
  upper: onText((source) => eachChar(source, (char) => char.toUpperCase())),
  lower: onText((source) => eachChar(source, (char) => char.toLowerCase())),
  title: onText(title),
  reverse: onText((source) => graphemes(source).reverse().join('')),
  strlen: define([text('str')], (args) => integerValue(graphemes(textAt(args, 0)).length)),
  substr: define([text('str'), number('offset'), number('length')], (args) =>
    stringValue(substring(graphemes(textAt(args, 0)), integerAt(args, 1), integerAt(args, 2)).join('')),
  ),
  byteslen: define([text('buf')], noBytes),
  bytesslice: define([text('buf'), number('offset'), number('length')], noBytes),
  chomp: onText((source) => source.replace(/[\r\n]+$/, '')),
  trimspace: onText((source) => source.replace(/^[\s\u0085]+|[\s\u0085]+$/gu, '')),
  trim: define([text('str'), text('cutset')], (args) => stringValue(trimSet(textAt(args, 0), textAt(args, 1)))),
  trimprefix: define([text('str'), text('prefix')], (args) => {
    const [source, prefix] = [textAt(args, 0), textAt(args, 1)];
    return stringValue(source.startsWith(prefix) ? source.slice(prefix.length) : source);
  }),
  trimsuffix: define([text('str'), text('suffix')], (args) => {
    const [source, suffix] = [textAt(args, 0), textAt(args, 1)];
    return stringValue(suffix !== '' && source.endsWith(suffix) ? source.slice(0, -suffix.length) : source);
  }),
  indent: define([number('spaces'), text('str')], (args) => {
    const spaces = integerAt(args, 0);
    if (spaces < 0 || spaces > 10_000) throw new CallProblem('the number of spaces is out of range', 0);
    return stringValue(textAt(args, 1).replaceAll('\n', `\n${' '.repeat(spaces)}`));
  }),
  join: variadic([text('separator')], typed('lists', STRINGS), join),
  split: define([text('separator'), text('str')], (args) => split(textAt(args, 0), textAt(args, 1))),
  sort: define([typed('list', STRINGS)], (args) => listValue(textsAt(args, 0).sort(byBytes).map(stringValue), STRING)),
  replace: define([text('str'), text('substr'), text('replace')], (args) =>
    stringValue(textAt(args, 0).replaceAll(textAt(args, 1), () => textAt(args, 2))),
  ),
  sanitize: onText((source) => Array.from(source, (char) => (/^[a-zA-Z0-9_-]$/.test(char) ? char : '_')).join('')),
  basename: onText(baseName),
  dirname: onText(directoryName),
  urlencode: onText(urlEncode),
};

/** No function makes bytes, so there is nothing that this could be called with. */
function noBytes(): never {
  throw new CallProblem('bytes are required, and text is none', 0);
}

const byBytes = (a: string, b: string): number => Buffer.compare(Buffer.from(a), Buffer.from(b));

/** Go's filepath.Base. */
function baseName(path: string): string {
  if (path === '') return '.';
  const trimmed = path.replace(/\/+$/, '');
  return trimmed === '' ? '/' : trimmed.slice(trimmed.lastIndexOf('/') + 1);
}

/** Go's filepath.Dir: everything before the last slash, cleaned. */
function directoryName(path: string): string {
  const parts: string[] = [];
  const directory = path.slice(0, path.lastIndexOf('/') + 1);
  const rooted = directory.startsWith('/');
  for (const part of directory.split('/')) {
    if (part === '' || part === '.') continue;
    if (part === '..' && parts.length > 0 && parts.at(-1) !== '..') parts.pop();
    else if (part !== '..' || !rooted) parts.push(part);
  }
  const joined = parts.join('/');
  return rooted ? `/${joined}` : joined === '' ? '.' : joined;
}
