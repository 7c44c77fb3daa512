// Functions on lists, tuples, maps and objects.
import { compare, fromInteger, toDouble } from '../cty/big-float.ts';
import { convert } from '../cty/convert.ts';
import { type CtyType, DYNAMIC, listOf, STRING } from '../cty/types.ts';
import { unify } from '../cty/unify.ts';
import {
  boolValue,
  integerValue,
  isEntries,
  isItems,
  isNumber,
  listValue,
  mapValue,
  objectValue,
  sameValue,
  stringValue,
  tupleValue,
  type Value,
} from '../cty/value.ts';
import { CallProblem, type PlainFunction } from '../eval/scope.ts';
import {
  any,
  at,
  define,
  entriesAt,
  integerAt,
  itemsAt,
  nullable,
  number,
  STRINGS,
  text,
  textAt,
  textsAt,
  typed,
  variadic,
} from './arguments.ts';

const ZERO = fromInteger(0);

const elementOf = (value: Value): CtyType | null =>
  value.type.kind === 'list' || value.type.kind === 'set' || value.type.kind === 'map' ? value.type.element : null;

/** `items` in the kind of sequence that `like` is. */
function likeOf(like: Value, items: readonly Value[]): Value {
  const element = elementOf(like);
  return element === null ? tupleValue(items) : listValue(items, element);
}

function converted(value: Value, type: CtyType): Value {
  const result = convert(value, type);
  if (!result.ok) throw new CallProblem(result.reason);
  return result.value;
}

function length(args: readonly Value[]): Value {
  const { payload } = at(args, 0);
  if (isItems(payload)) return integerValue(payload.length);
  if (isEntries(payload) && at(args, 0).type.kind === 'map') return integerValue(payload.size);
  throw new CallProblem('a list, set, map or tuple is required', 0);
}

function element(args: readonly Value[]): Value {
  const items = itemsAt(args, 0);
  const index = integerAt(args, 1);
  if (index < 0) throw new CallProblem('the index must not be negative', 1);
  return items[index % items.length] ?? fail('an empty list has no elements');
}

const fail = (message: string): never => {
  throw new CallProblem(message);
};

/** One type when all lists have one, else a tuple. */
function concat(args: readonly Value[]): Value {
  if (args.length === 0) throw new CallProblem('at least one argument is required');
  const items = args.flatMap((_, index) => itemsAt(args, index, 'all arguments must be lists or tuples'));
  if (args.some((arg) => arg.type.kind === 'set')) throw new CallProblem('all arguments must be lists or tuples');
  const type = args.every((arg) => arg.type.kind === 'list') ? unify(args.map((arg) => arg.type)) : null;
  return type === null ? tupleValue(items) : converted(tupleValue(items), type);
}

function flattened(items: readonly Value[]): Value[] {
  return items.flatMap((item) => (isItems(item.payload) ? flattened(item.payload) : [item]));
}

function distinct(args: readonly Value[]): Value {
  const list = at(args, 0);
  const kept: Value[] = [];
  for (const item of itemsAt(args, 0)) if (!kept.some((one) => sameValue(one, item))) kept.push(item);
  return likeOf(list, kept);
}

function chunks(args: readonly Value[]): Value {
  const items = itemsAt(args, 0);
  const size = integerAt(args, 1);
  if (size < 0) throw new CallProblem('the size must not be negative', 1);
  const element = elementOf(at(args, 0)) ?? DYNAMIC;
  const parts =
    size === 0 ? [items] : Array.from({ length: Math.ceil(items.length / size) }, (_, part) => items.slice(part * size, (part + 1) * size));
  return listValue(items.length === 0 ? [] : parts.map((part) => listValue(part, element)), listOf(element));
}

function slice(args: readonly Value[]): Value {
  const items = itemsAt(args, 0);
  const [start, end] = [integerAt(args, 1), integerAt(args, 2)];
  if (start < 0 || start > items.length) throw new CallProblem('the start index is out of range', 1);
  if (end > items.length) throw new CallProblem('the end index is out of range', 2);
  if (end < start) throw new CallProblem('the end index is less than the start', 2);
  return likeOf(at(args, 0), items.slice(start, end));
}

function indexOf(args: readonly Value[]): Value {
  const found = itemsAt(args, 0, 'a list or tuple is required').findIndex((item) => sameValue(item, at(args, 1)));
  if (found === -1) throw new CallProblem('the item is not in the list');
  return integerValue(found);
}

/** index(): the element at a key. */
function index(args: readonly Value[]): Value {
  const found = lookupKey(at(args, 0), at(args, 1));
  if (found === null) throw new CallProblem('no such key or index', 1);
  return found;
}

function lookupKey(collection: Value, key: Value): Value | null {
  const { payload } = collection;
  if (isEntries(payload) && collection.type.kind === 'map')
    return typeof key.payload === 'string' ? (payload.get(key.payload) ?? null) : null;
  if (!isItems(payload)) throw new CallProblem('a list, tuple or map is required', 0);
  return isNumber(key) && compare(key.payload, ZERO) >= 0 ? (payload[toDouble(key.payload)] ?? null) : null;
}

function keys(args: readonly Value[]): Value {
  const names = [...entriesAt(args, 0).keys()].map(stringValue);
  return at(args, 0).type.kind === 'map' ? listValue(names, STRING) : tupleValue(names);
}

function values(args: readonly Value[]): Value {
  return likeOf(at(args, 0), [...entriesAt(args, 0).values()]);
}

function lookup(args: readonly Value[]): Value {
  const found = entriesAt(args, 0).get(textAt(args, 1)) ?? at(args, 2);
  const element = elementOf(at(args, 0));
  return element === null ? found : converted(found, element);
}

/** Later arguments win; maps of one type stay a map. */
function merge(args: readonly Value[]): Value {
  const entries = new Map<string, Value>();
  for (const [at, arg] of args.entries()) {
    if (arg.payload === null) continue;
    for (const [name, value] of entriesAt(args, at, 'arguments must be maps or objects')) entries.set(name, value);
  }
  const type = args.length > 0 && args.every((arg) => arg.type.kind === 'map') ? unify(args.map((arg) => arg.type)) : null;
  return type === null ? objectValue(entries) : converted(objectValue(entries), type);
}

function zipmap(args: readonly Value[]): Value {
  const names = textsAt(args, 0);
  const items = itemsAt(args, 1);
  if (names.length !== items.length) throw new CallProblem(`there are ${names.length} keys and ${items.length} values`);
  const entries = new Map(names.map((name, position) => [name, items[position] ?? at([], 0)] as const));
  const element = elementOf(at(args, 1));
  return element === null ? objectValue(entries) : mapValue(entries, element);
}

function coalesce(args: readonly Value[]): Value {
  const type = unify(args.map((arg) => arg.type));
  if (type === null) throw new CallProblem('all arguments must have the same type');
  const found = args.find((arg) => arg.payload !== null);
  return found === undefined ? fail('no argument is other than null') : converted(found, type);
}

function coalesceList(args: readonly Value[]): Value {
  if (args.length === 0) throw new CallProblem('at least one argument is required');
  const lists = args.map((_, position) => itemsAt(args, position, 'arguments must be lists or tuples'));
  const found = args[lists.findIndex((items) => items.length > 0)];
  return found ?? fail('no argument is a list with elements');
}

export const COLLECTION_FUNCTIONS: Readonly<Record<string, PlainFunction>> = {
  length: define([any('collection')], length),
  element: define([any('list'), number('index')], element),
  concat: variadic([], any('seqs'), concat),
  flatten: define([any('list')], (args) => tupleValue(flattened(itemsAt(args, 0)))),
  distinct: define([typed('list', listOf(DYNAMIC))], distinct),
  compact: define([typed('list', STRINGS)], (args) =>
    listValue(
      itemsAt(args, 0).filter((item) => item.payload !== null && item.payload !== ''),
      STRING,
    ),
  ),
  chunklist: define([typed('list', listOf(DYNAMIC)), number('size')], chunks),
  slice: define([any('list'), number('start_index'), number('end_index')], slice),
  reverselist: define([any('list')], (args) => likeOf(at(args, 0), itemsAt(args, 0).toReversed())),
  contains: define([any('list'), any('value')], (args) => boolValue(itemsAt(args, 0).some((item) => sameValue(item, at(args, 1))))),
  indexof: define([any('list'), any('value')], indexOf),
  index: define([any('collection'), any('key')], index),
  hasindex: define([any('collection'), any('key')], (args) => boolValue(lookupKey(at(args, 0), at(args, 1)) !== null)),
  keys: define([any('inputMap')], keys),
  values: define([any('mapping')], values),
  lookup: define([any('inputMap'), text('key'), any('default')], lookup),
  merge: variadic([], nullable('maps'), merge),
  zipmap: define([typed('keys', STRINGS), any('values')], zipmap),
  coalesce: variadic([], nullable('vals'), coalesce),
  coalescelist: variadic([], nullable('vals'), coalesceList),
};
