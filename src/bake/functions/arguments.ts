// Shapes of function declarations and typed access to arguments, which are converted already.
import type { BigFloat } from '../cty/big-float.ts';
import { isInteger, toDouble } from '../cty/big-float.ts';
import { type CtyType, DYNAMIC, listOf, NUMBER, STRING } from '../cty/types.ts';
import { isEntries, isItems, isNumber, NULL, type Value } from '../cty/value.ts';
import { CallProblem, type Parameter, type PlainFunction } from '../eval/scope.ts';

export const STRINGS = listOf(STRING);

export const text = (name: string): Parameter => ({ name, type: STRING });
export const number = (name: string): Parameter => ({ name, type: NUMBER });
export const typed = (name: string, type: CtyType): Parameter => ({ name, type });
export const any = (name: string): Parameter => ({ name, type: DYNAMIC });
export const nullable = (name: string): Parameter => ({ name, type: DYNAMIC, allowNull: true });

export const define = (params: readonly Parameter[], call: (args: readonly Value[]) => Value): PlainFunction => ({ params, call });
export const variadic = (params: readonly Parameter[], rest: Parameter, call: (args: readonly Value[]) => Value): PlainFunction => ({
  params,
  variadic: rest,
  call,
});

export const at = (args: readonly Value[], index: number): Value => args[index] ?? NULL;

export function textAt(args: readonly Value[], index: number): string {
  const { payload } = at(args, index);
  if (typeof payload !== 'string') throw new CallProblem('text is required', index);
  return payload;
}

export function numberAt(args: readonly Value[], index: number): BigFloat {
  const value = at(args, index);
  if (!isNumber(value)) throw new CallProblem('a number is required', index);
  return value.payload;
}

/** A whole number that a double holds exactly. */
export function integerAt(args: readonly Value[], index: number): number {
  const value = numberAt(args, index);
  const result = toDouble(value);
  if (!isInteger(value) || !Number.isSafeInteger(result)) throw new CallProblem('a whole number is required', index);
  return result;
}

export function itemsAt(args: readonly Value[], index: number, what = 'a list, set or tuple is required'): readonly Value[] {
  const { payload } = at(args, index);
  if (!isItems(payload)) throw new CallProblem(what, index);
  return payload;
}

export function entriesAt(args: readonly Value[], index: number, what = 'a map or object is required'): ReadonlyMap<string, Value> {
  const { payload } = at(args, index);
  if (!isEntries(payload)) throw new CallProblem(what, index);
  return payload;
}

export const textsAt = (args: readonly Value[], index: number): string[] =>
  itemsAt(args, index).map((item) => {
    if (typeof item.payload !== 'string') throw new CallProblem('an element is null', index);
    return item.payload;
  });
