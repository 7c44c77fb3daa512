// JSON exactly as Go's encoding/json writes it, so that the same image has the same digest whether
// BuildKit or tsbuild made it: `<`, `>`, `&` and the two line separators escaped, unpaired surrogates
// replaced. A Map keeps its order, which plain objects do not for keys that look like numbers.
import { comparePaths } from '../../core/path-bytes.ts';

export type JsonValue =
  | null
  | boolean
  | number
  | string
  | readonly JsonValue[]
  | ReadonlyMap<string, JsonValue | undefined>
  | { readonly [key: string]: JsonValue | undefined };

const ESCAPES = /[<>&\u2028\u2029]/g;

const encodeString = (text: string): string =>
  JSON.stringify(text.toWellFormed()).replace(ESCAPES, (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`);

const membersOf = (value: object): Iterable<[string, JsonValue | undefined]> =>
  value instanceof Map ? value.entries() : Object.entries(value);

/** `undefined` members are left out. With `indent`, as json.MarshalIndent with that text. */
export function goJson(value: JsonValue, indent = '', newline = '\n'): Buffer {
  return Buffer.from(encode(value, indent, indent === '' ? '' : newline), 'utf8');
}

function encode(value: JsonValue, indent: string, newline: string): string {
  if (typeof value === 'string') return encodeString(value);
  if (value === null || typeof value !== 'object') return JSON.stringify(value) ?? 'null';
  const inner = newline + indent;
  if (Array.isArray(value)) {
    const items = value.map((item: JsonValue) => inner + encode(item, indent, inner));
    return items.length === 0 ? '[]' : `[${items.join(',')}${newline}]`;
  }
  const members: string[] = [];
  const colon = indent === '' ? ':' : ': ';
  for (const [key, member] of membersOf(value)) {
    if (member !== undefined) members.push(`${inner}${encodeString(key)}${colon}${encode(member, indent, inner)}`);
  }
  return members.length === 0 ? '{}' : `{${members.join(',')}${newline}}`;
}

/** As Go writes a map: keys in byte order. */
export const sortedMap = <T extends JsonValue>(record: Readonly<Record<string, T>>): ReadonlyMap<string, T> =>
  new Map(Object.entries(record).sort(([a], [b]) => comparePaths(a, b)));

/** For `omitempty`: the value, or undefined when Go would leave it out. */
export function nonEmpty<T extends JsonValue>(value: T | undefined): T | undefined {
  if (value === undefined || value === null || value === '' || value === 0 || value === false) return undefined;
  if (Array.isArray(value)) return value.length === 0 ? undefined : value;
  if (value instanceof Map) return value.size === 0 ? undefined : value;
  return typeof value === 'object' && Object.keys(value).length === 0 ? undefined : value;
}
