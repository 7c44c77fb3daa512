// JSON text ↔ values, as jsondecode and jsonencode do it: numbers keep all their digits, members of
// objects are sorted by name.
import { formatDecimal, parseDecimal } from './big-float.ts';
import { boolValue, isEntries, isItems, isNumber, NULL, numberValue, objectValue, stringValue, tupleValue, type Value } from './value.ts';

const DEEPEST = 500;

/** null when the text is not JSON. */
export function parseJsonValue(text: string): Value | null {
  try {
    return toValue(JSON.parse(text, keepDigits as (key: string, value: unknown) => unknown), 0);
  } catch (error) {
    if (error instanceof SyntaxError || error instanceof RangeError) return null;
    throw error;
  }
}

class Digits {
  readonly text: string;
  constructor(text: string) {
    this.text = text;
  }
}

/** Newer engines hand the source of each number to the reviver. */
function keepDigits(_key: string, value: unknown, context?: { readonly source?: string }): unknown {
  return typeof value === 'number' ? new Digits(context?.source ?? String(value)) : value;
}

function toValue(json: unknown, depth: number): Value {
  if (depth > DEEPEST) throw new RangeError('nested too deeply');
  if (json === null || json === undefined) return NULL;
  if (typeof json === 'string') return stringValue(json);
  if (typeof json === 'boolean') return boolValue(json);
  if (json instanceof Digits) {
    const number = parseDecimal(json.text);
    if (number === null) throw new RangeError('number out of range');
    return numberValue(number);
  }
  if (Array.isArray(json)) return tupleValue(json.map((item) => toValue(item, depth + 1)));
  return objectValue(
    new Map(Object.entries(json as Record<string, unknown>).map(([name, item]) => [name.normalize('NFC'), toValue(item, depth + 1)])),
  );
}

/** Go's encoding: `<`, `>`, `&` and the line separators are escaped. */
export function jsonText(text: string): string {
  return JSON.stringify(text.toWellFormed()).replace(
    /[<>&\u2028\u2029]/g,
    (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

export function encodeJson(value: Value): string {
  const { payload } = value;
  if (payload === null) return 'null';
  if (typeof payload === 'string') return jsonText(payload);
  if (typeof payload === 'boolean') return String(payload);
  if (isItems(payload)) return `[${payload.map(encodeJson).join(',')}]`;
  if (isEntries(payload)) return `{${[...payload].map(([name, item]) => `${jsonText(name)}:${encodeJson(item)}`).join(',')}}`;
  return isNumber(value) ? formatDecimal(value.payload) : 'null';
}
