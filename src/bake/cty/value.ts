// Values of HCL expressions: plain immutable data, each with its type. Everything in a definition file
// is known when it is read, so there is no "unknown".
import { type BigFloat, compare, formatDecimal, fromInteger } from './big-float.ts';
import { BOOL, type CtyType, DYNAMIC, listOf, mapOf, NUMBER, STRING, setOf } from './types.ts';

export type Payload = null | string | boolean | BigFloat | readonly Value[] | ReadonlyMap<string, Value>;

export interface Value {
  readonly type: CtyType;
  readonly payload: Payload;
}

export const NULL: Value = { type: DYNAMIC, payload: null };
export const TRUE: Value = { type: BOOL, payload: true };
export const FALSE: Value = { type: BOOL, payload: false };

/** Strings are in Unicode normal form C, as cty keeps them. */
export const stringValue = (text: string): Value => ({ type: STRING, payload: text.normalize('NFC') });
export const numberValue = (number: BigFloat): Value => ({ type: NUMBER, payload: number });
export const integerValue = (number: number | bigint): Value => numberValue(fromInteger(number));
export const boolValue = (on: boolean): Value => (on ? TRUE : FALSE);
export const nullOf = (type: CtyType): Value => ({ type, payload: null });

export const tupleValue = (items: readonly Value[]): Value => ({
  type: { kind: 'tuple', items: items.map((item) => item.type) },
  payload: items,
});
export const listValue = (items: readonly Value[], element: CtyType): Value => ({ type: listOf(element), payload: items });
export const mapValue = (entries: ReadonlyMap<string, Value>, element: CtyType): Value => ({
  type: mapOf(element),
  payload: sortedMap(entries),
});

export function objectValue(entries: ReadonlyMap<string, Value>): Value {
  const sorted = sortedMap(entries);
  return { type: { kind: 'object', attributes: new Map([...sorted].map(([name, value]) => [name, value.type])) }, payload: sorted };
}

/** Without duplicates, in the order in which cty walks a set. */
export function setValue(items: readonly Value[], element: CtyType): Value {
  const unique: Value[] = [];
  const seen = new Set<string>();
  for (const item of items) {
    const key = setKey(item);
    if (!seen.has(key)) unique.push(item);
    seen.add(key);
  }
  return { type: setOf(element), payload: unique.sort(setOrder) };
}

/** Go orders strings by their bytes, which is the order of code points. */
export function compareText(a: string, b: string): number {
  if (a === b) return 0;
  const length = Math.min(a.length, b.length);
  for (let at = 0; at < length; at += 1) {
    const left = a.charCodeAt(at);
    const right = b.charCodeAt(at);
    if (left === right) continue;
    const surrogate = left >= 0xd800 && left <= 0xdfff !== (right >= 0xd800 && right <= 0xdfff);
    return surrogate ? (a.codePointAt(at) ?? 0) - (b.codePointAt(at) ?? 0) : left - right;
  }
  return a.length - b.length;
}

const sortedMap = (entries: ReadonlyMap<string, Value>): ReadonlyMap<string, Value> =>
  new Map([...entries].sort(([a], [b]) => compareText(a, b)));

function setOrder(a: Value, b: Value): number {
  if (a.payload === null || b.payload === null) return a.payload === b.payload ? 0 : a.payload === null ? 1 : -1;
  if (typeof a.payload === 'string' && typeof b.payload === 'string') return compareText(a.payload, b.payload);
  if (typeof a.payload === 'boolean' && typeof b.payload === 'boolean') return Number(a.payload) - Number(b.payload);
  if (isNumber(a) && isNumber(b)) return compare(a.payload, b.payload);
  return compareText(setKey(a), setKey(b));
}

/** Text that is equal for equal values and different for others. */
function setKey(value: Value): string {
  const { payload } = value;
  if (payload === null) return '~';
  if (typeof payload === 'string') return JSON.stringify(payload);
  if (typeof payload === 'boolean') return payload ? 'T' : 'F';
  if (isItems(payload))
    return value.type.kind === 'tuple'
      ? `<${payload.map((item) => `${setKey(item)};`).join('')}>`
      : `[${payload.map((item) => `${setKey(item)};`).join('')}]`;
  if (isEntries(payload)) return `{${[...payload].map(([name, item]) => `${JSON.stringify(name)}:${setKey(item)};`).join('')}}`;
  return formatDecimal(payload);
}

export const isItems = (payload: Payload): payload is readonly Value[] => Array.isArray(payload);
export const isEntries = (payload: Payload): payload is ReadonlyMap<string, Value> => payload instanceof Map;
export const isNumber = (value: Value): value is Value & { readonly payload: BigFloat } =>
  value.type.kind === 'number' && value.payload !== null;

/** cty's RawEquals but for the precision of numbers: types and contents are the same. */
export function sameValue(a: Value, b: Value): boolean {
  if (a.payload === null || b.payload === null) return a.payload === b.payload;
  if (isItems(a.payload) && isItems(b.payload)) {
    const other = b.payload;
    return a.payload.length === other.length && a.payload.every((item, at) => sameValue(item, other[at] ?? NULL));
  }
  if (isEntries(a.payload) && isEntries(b.payload)) {
    const other = b.payload;
    return (
      a.payload.size === other.size && [...a.payload].every(([name, item]) => other.has(name) && sameValue(item, other.get(name) ?? NULL))
    );
  }
  if (isNumber(a) && isNumber(b)) return compare(a.payload, b.payload) === 0;
  return a.type.kind === b.type.kind && a.payload === b.payload;
}
