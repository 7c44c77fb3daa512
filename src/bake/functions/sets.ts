// Functions on sets. Lists and tuples are taken as sets.
import { convert } from '../cty/convert.ts';
import { type CtyType, DYNAMIC, setOf } from '../cty/types.ts';
import { unify } from '../cty/unify.ts';
import { boolValue, isItems, listValue, sameValue, setValue, tupleValue, type Value } from '../cty/value.ts';
import { CallProblem, type PlainFunction } from '../eval/scope.ts';
import { any, at, define, itemsAt, typed, variadic } from './arguments.ts';

const ANY_SET = setOf(DYNAMIC);

/** Elements of all sets, converted to one type. */
function unified(args: readonly Value[]): { readonly sets: readonly (readonly Value[])[]; readonly element: CtyType } {
  const filled = args.filter((arg) => !(isItems(arg.payload) && arg.payload.length === 0));
  const element = unify(filled.map((arg) => (arg.type.kind === 'set' ? arg.type.element : DYNAMIC)));
  if (element === null) throw new CallProblem('all sets must have elements of one type');
  const sets = args.map((_, index) =>
    itemsAt(args, index).map((item) => {
      const result = convert(item, element);
      if (!result.ok) throw new CallProblem(result.reason, index);
      return result.value;
    }),
  );
  return { sets, element };
}

const has = (set: readonly Value[], item: Value): boolean => set.some((one) => sameValue(one, item));

const fold = (combine: (a: readonly Value[], b: readonly Value[]) => readonly Value[]) => (args: readonly Value[]) => {
  const { sets, element } = unified(args);
  const [first = [], ...rest] = sets;
  return setValue(
    rest.reduce((result, set) => combine(result, set), first),
    element,
  );
};

const MOST_PRODUCTS = 100_000;

/** Elements of a tuple become one type, as those of a list are. */
function factor(args: readonly Value[], index: number): readonly Value[] {
  const items = itemsAt(args, index, 'a set or a list is required');
  const type = unify(items.map((item) => item.type));
  if (type === null) throw new CallProblem('all elements must be of the same type', index);
  return items.map((item) => {
    const converted = convert(item, type);
    return converted.ok ? converted.value : item;
  });
}

function product(args: readonly Value[]): Value {
  if (args.length < 2) throw new CallProblem('at least two sets are needed');
  let combinations: readonly (readonly Value[])[] = [[]];
  for (const [index] of args.entries()) {
    const items = factor(args, index);
    if (combinations.length * items.length > MOST_PRODUCTS) throw new CallProblem('the product is too large');
    combinations = combinations.flatMap((before) => items.map((item) => [...before, item]));
  }
  const tuples = combinations.map((items) => tupleValue(items));
  const element = unify(tuples.map((tuple) => tuple.type)) ?? DYNAMIC;
  const isSet = args.every((arg) => arg.type.kind === 'set');
  return isSet ? setValue(tuples, element) : listValue(tuples, element);
}

export const SET_FUNCTIONS: Readonly<Record<string, PlainFunction>> = {
  sethaselement: define([typed('set', ANY_SET), any('elem')], (args) => boolValue(has(itemsAt(args, 0), at(args, 1)))),
  setunion: variadic(
    [typed('first_set', ANY_SET)],
    typed('other_sets', ANY_SET),
    fold((a, b) => [...a, ...b]),
  ),
  setintersection: variadic(
    [typed('first_set', ANY_SET)],
    typed('other_sets', ANY_SET),
    fold((a, b) => a.filter((item) => has(b, item))),
  ),
  setsubtract: define(
    [typed('a', ANY_SET), typed('b', ANY_SET)],
    fold((a, b) => a.filter((item) => !has(b, item))),
  ),
  setsymmetricdifference: variadic(
    [typed('first_set', ANY_SET)],
    typed('other_sets', ANY_SET),
    fold((a, b) => [...a.filter((item) => !has(b, item)), ...b.filter((item) => !has(a, item))]),
  ),
  setproduct: variadic([], any('sets'), product),
};
