// Conversion between types, as cty converts where a type is expected: numbers and bools are strings
// when asked, tuples are lists, objects are maps. Failures are values with the reason.
import { formatDecimal, parseDecimal } from './big-float.ts';
import { type CtyType, DYNAMIC, sameType, typeName } from './types.ts';
import { unify } from './unify.ts';
import {
  boolValue,
  isEntries,
  isItems,
  isNumber,
  listValue,
  mapValue,
  nullOf,
  numberValue,
  objectValue,
  setValue,
  stringValue,
  tupleValue,
  type Value,
} from './value.ts';

export type Converted = { readonly ok: true; readonly value: Value } | { readonly ok: false; readonly reason: string };

const done = (value: Value): Converted => ({ ok: true, value });
const refuse = (reason: string): Converted => ({ ok: false, reason });

export function convert(value: Value, wanted: CtyType): Converted {
  if (wanted.kind === 'dynamic' || sameType(value.type, wanted)) return done(value);
  if (value.payload === null) return nullConversion(value, wanted);
  switch (wanted.kind) {
    case 'string':
      return toText(value);
    case 'number':
      return toNumber(value);
    case 'bool':
      return toBool(value);
    case 'list':
    case 'set':
      return toSequence(value, wanted);
    case 'map':
      return toMap(value, wanted);
    case 'tuple':
      return toTuple(value, wanted);
    case 'object':
      return toObject(value, wanted);
  }
}

const required = (wanted: CtyType): Converted => refuse(`${typeName(wanted)} required`);

/** A null converts when a value of its type would. */
function nullConversion(value: Value, wanted: CtyType): Converted {
  return done(nullOf(value.type.kind === 'dynamic' || wanted.kind !== 'dynamic' ? wanted : value.type));
}

function toText(value: Value): Converted {
  if (typeof value.payload === 'boolean') return done(stringValue(value.payload ? 'true' : 'false'));
  if (isNumber(value)) return done(stringValue(formatDecimal(value.payload)));
  return refuse('string required');
}

function toNumber(value: Value): Converted {
  if (typeof value.payload !== 'string') return refuse('number required');
  const number = parseDecimal(value.payload);
  return number === null ? refuse('a number is required') : done(numberValue(number));
}

function toBool(value: Value): Converted {
  const { payload } = value;
  if (payload === 'true' || payload === '1') return done(boolValue(true));
  if (payload === 'false' || payload === '0') return done(boolValue(false));
  if (typeof payload !== 'string') return refuse('bool required');
  const hint =
    payload.toLowerCase() === 'true' || payload.toLowerCase() === 'false'
      ? `; to convert from string, use lowercase "${payload.toLowerCase()}"`
      : '';
  return refuse(`a bool is required${hint}`);
}

function toSequence(value: Value, wanted: Extract<CtyType, { kind: 'list' | 'set' | 'map' }>): Converted {
  if (!isItems(value.payload)) return required(wanted);
  const element = elementType(value.payload, wanted.element);
  if (element === null) return refuse('all elements must have the same type');
  const items: Value[] = [];
  for (const [at, item] of value.payload.entries()) {
    const converted = convert(item, element);
    if (!converted.ok)
      return refuse(
        value.type.kind === 'tuple' ? `element ${at}: ${converted.reason}` : `incorrect ${wanted.kind} element type: ${converted.reason}`,
      );
    items.push(converted.value);
  }
  return done(wanted.kind === 'set' ? setValue(items, element) : listValue(items, element));
}

function toMap(value: Value, wanted: Extract<CtyType, { kind: 'list' | 'set' | 'map' }>): Converted {
  if (!isEntries(value.payload)) return required(wanted);
  const element = elementType([...value.payload.values()], wanted.element);
  if (element === null) return refuse('all attributes must have the same type');
  const entries = new Map<string, Value>();
  for (const [name, item] of value.payload) {
    const converted = convert(item, element);
    if (!converted.ok) return refuse(`element ${JSON.stringify(name)}: ${converted.reason}`);
    entries.set(name, converted.value);
  }
  return done(mapValue(entries, element));
}

/** The wanted element type, or the one all elements agree on when any will do. */
function elementType(items: readonly Value[], wanted: CtyType): CtyType | null {
  return wanted.kind === 'dynamic' && items.length > 0 ? unify(items.map((item) => item.type)) : wanted;
}

function toTuple(value: Value, wanted: Extract<CtyType, { kind: 'tuple' }>): Converted {
  if (!isItems(value.payload) || value.type.kind !== 'tuple') return required(wanted);
  if (value.payload.length !== wanted.items.length) return refuse(`tuple of ${wanted.items.length} elements required`);
  const items: Value[] = [];
  for (const [at, item] of value.payload.entries()) {
    const converted = convert(item, wanted.items[at] ?? DYNAMIC);
    if (!converted.ok) return refuse(`element ${at}: ${converted.reason}`);
    items.push(converted.value);
  }
  return done(tupleValue(items));
}

function toObject(value: Value, wanted: Extract<CtyType, { kind: 'object' }>): Converted {
  if (!isEntries(value.payload)) return required(wanted);
  const entries = new Map<string, Value>();
  const missing: string[] = [];
  for (const [name, type] of wanted.attributes) {
    const item = value.payload.get(name);
    if (item === undefined && wanted.optional?.has(name) === true) entries.set(name, nullOf(type));
    else if (item === undefined) missing.push(JSON.stringify(name));
    else {
      const converted = convert(item, type);
      if (!converted.ok) return refuse(`attribute ${JSON.stringify(name)}: ${converted.reason}`);
      entries.set(name, converted.value);
    }
  }
  if (missing.length > 0)
    return refuse(missing.length === 1 ? `attribute ${missing[0]} is required` : `attributes ${missing.sort().join(', ')} are required`);
  return done(objectValue(entries));
}
