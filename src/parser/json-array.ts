// The exec form: a JSON array of strings. Anything that is not valid JSON is no error but another
// form (P-36 to P-39), so the answer is one of three.
import { appendRange, type MappedText, mappedTextBuilder, originOf, type Range } from './mapped-text.ts';

export type JsonArray =
  | { readonly type: 'strings'; readonly items: readonly MappedText[] }
  /** Valid JSON, but some element is not a string: a hard error (P-37). */
  | { readonly type: 'not-strings' }
  | { readonly type: 'not-json' };

const NOT_JSON: JsonArray = { type: 'not-json' };

/** Reads a trimmed range; items are decoded and keep the origin of every character. */
export function parseJsonArray(source: MappedText, range: Range): JsonArray {
  if (source.text[range.start] !== '[') return NOT_JSON;
  let value: unknown;
  try {
    value = JSON.parse(source.text.slice(range.start, range.end));
  } catch {
    // Invalid JSON is the shell form or a plain list; the text itself says nothing more (P-38).
    return NOT_JSON;
  }
  if (!Array.isArray(value)) return NOT_JSON;
  if (!value.every((item) => typeof item === 'string')) return { type: 'not-strings' };
  return { type: 'strings', items: stringItems(source, range, value) };
}

/** Maps the decoded strings back to the literals they came from. */
function stringItems(source: MappedText, range: Range, values: readonly string[]): MappedText[] {
  const { text } = source;
  let at = range.start;
  return values.map((value) => {
    const open = text.indexOf('"', at);
    const close = stringEnd(text, open + 1);
    at = close + 1;
    const builder = mappedTextBuilder();
    if (close - open - 1 === value.length) appendRange(builder, source, open + 1, close);
    else appendDecoded(builder, source, open + 1, close);
    return builder.finish(originOf(source, open));
  });
}

function stringEnd(text: string, from: number): number {
  let at = from;
  while (text[at] !== '"') at += text[at] === '\\' ? 2 : 1;
  return at;
}

const SIMPLE: Readonly<Record<string, string>> = { b: '\b', f: '\f', n: '\n', r: '\r', t: '\t' };

function appendDecoded(builder: ReturnType<typeof mappedTextBuilder>, source: MappedText, start: number, end: number): void {
  const { text } = source;
  let at = start;
  while (at < end) {
    const slash = text.indexOf('\\', at);
    const stop = slash === -1 || slash > end ? end : slash;
    if (stop > at) appendRange(builder, source, at, stop);
    if (stop === end) return;
    const kind = text[stop + 1] ?? '';
    const unicode = kind === 'u';
    const decoded = unicode ? String.fromCharCode(Number.parseInt(text.slice(stop + 2, stop + 6), 16)) : (SIMPLE[kind] ?? kind);
    builder.append(decoded, originOf(source, stop));
    at = stop + (unicode ? 6 : 2);
  }
}
