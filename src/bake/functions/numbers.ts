// Numeric and logical functions, and comparisons.
import {
  add,
  type BigFloat,
  compare,
  divide,
  formatDecimal,
  fromDouble,
  fromInteger,
  isInteger,
  modulo,
  multiply,
  negate,
  roundBits,
  subtract,
  toDouble,
  truncate,
} from '../cty/big-float.ts';
import { BOOL, NUMBER } from '../cty/types.ts';
import { boolValue, integerValue, listValue, numberValue, type Value } from '../cty/value.ts';
import { equalValues } from '../eval/evaluate.ts';
import { CallProblem, type PlainFunction } from '../eval/scope.ts';
import { at, define, integerAt, nullable, number, numberAt, typed, variadic } from './arguments.ts';

const ZERO = fromInteger(0);

const unary = (call: (value: BigFloat) => BigFloat): PlainFunction =>
  define([number('num')], (args) => numberValue(call(numberAt(args, 0))));
const binary = (call: (a: BigFloat, b: BigFloat) => BigFloat): PlainFunction =>
  define([number('a'), number('b')], (args) => numberValue(call(numberAt(args, 0), numberAt(args, 1))));
const comparison = (call: (order: number) => boolean): PlainFunction =>
  define([number('a'), number('b')], (args) => boolValue(call(compare(numberAt(args, 0), numberAt(args, 1)))));
const logical = (call: (a: boolean, b: boolean) => boolean): PlainFunction =>
  define([typed('a', BOOL), typed('b', BOOL)], (args) => boolValue(call(at(args, 0).payload === true, at(args, 1).payload === true)));

function nonZero(value: BigFloat): BigFloat {
  if (value.mantissa === 0n) throw new CallProblem('division by zero', 1);
  return value;
}

/** Rounds a fraction up (1) or down (-1). */
function rounded(value: BigFloat, direction: 1 | -1): BigFloat {
  if (isInteger(value)) return value.mantissa === 0n ? roundBits(0n, 0, value.precision) : value;
  const whole = truncate(value);
  const away = value.mantissa > 0n === direction > 0;
  return roundBits(away ? whole + BigInt(direction) : whole, 0, value.precision);
}

const extreme = (direction: 1 | -1): PlainFunction =>
  variadic([], number('numbers'), (args) => {
    if (args.length === 0) throw new CallProblem('at least one number is needed');
    return args.reduce((best, value, index) => (compare(numberAt(args, index), numberAt([best], 0)) * direction > 0 ? value : best));
  });

/** Through doubles, as cty does it. */
function throughDoubles(args: readonly Value[], call: (a: number, b: number) => number): Value {
  const result = call(toDouble(numberAt(args, 0)), toDouble(numberAt(args, 1)));
  if (!Number.isFinite(result)) throw new CallProblem('the result is not a finite number');
  return numberValue(fromDouble(result));
}

const DIGITS = '0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ';

function parseInteger(source: string, base: number): bigint {
  if (base < 2 || base > 62) throw new CallProblem('the base must be 2 to 62', 1);
  const digits = source.replace(/^[+-]/, '');
  let value = 0n;
  for (const char of digits) {
    const digit = DIGITS.indexOf(base <= 36 ? char.toLowerCase() : char);
    if (digit === -1 || digit >= base) throw new CallProblem(`cannot parse ${JSON.stringify(source)} as a base ${base} integer`, 0);
    value = value * BigInt(base) + BigInt(digit);
  }
  if (digits === '' || digits.length > 5000)
    throw new CallProblem(`cannot parse ${JSON.stringify(source.slice(0, 40))} as a base ${base} integer`, 0);
  return source.startsWith('-') ? -value : value;
}

const MOST_RANGE = 1024;

function range(args: readonly Value[]): Value {
  if (args.length < 1 || args.length > 3) throw new CallProblem('it takes one, two or three arguments');
  const start = args.length === 1 ? ZERO : numberAt(args, 0);
  const end = numberAt(args, args.length === 1 ? 0 : 1);
  const down = compare(end, start) < 0;
  const step = args.length === 3 ? numberAt(args, 2) : fromInteger(down ? -1 : 1);
  if (compare(start, end) === 0) return listValue([], NUMBER);
  if (step.mantissa === 0n) throw new CallProblem('the step must not be zero', 2);
  if (step.mantissa < 0n !== down)
    throw new CallProblem(
      down
        ? 'the end is less than the start, so the step must be negative'
        : 'the end is greater than the start, so the step must be positive',
      2,
    );
  const items: Value[] = [];
  for (let value = start; compare(value, end) * (down ? -1 : 1) < 0; value = add(value, step)) {
    if (items.length >= MOST_RANGE) throw new CallProblem(`more than ${MOST_RANGE} values were generated; check the limits`);
    items.push(numberValue(value));
  }
  return listValue(items, NUMBER);
}

export const NUMBER_FUNCTIONS: Readonly<Record<string, PlainFunction>> = {
  absolute: unary((value) => (value.mantissa < 0n || value.negativeZero === true ? negate(value) : value)),
  add: binary(add),
  subtract: binary(subtract),
  multiply: binary(multiply),
  divide: binary((a, b) => divide(a, nonZero(b))),
  modulo: binary(modulo),
  negate: unary(negate),
  ceil: unary((value) => rounded(value, 1)),
  floor: unary((value) => rounded(value, -1)),
  int: unary((value) => (isInteger(value) ? value : roundBits(truncate(value), 0, value.precision))),
  signum: define([number('num')], (args) => integerValue(Math.sign(integerAt(args, 0)))),
  log: define([number('num'), number('base')], (args) => throughDoubles(args, (value, base) => Math.log(value) / Math.log(base))),
  pow: define([number('num'), number('power')], (args) => throughDoubles(args, (value, power) => value ** power)),
  min: extreme(-1),
  max: extreme(1),
  parseint: define([{ name: 'number', type: { kind: 'dynamic' } }, number('base')], (args) => {
    const value = at(args, 0);
    const source =
      typeof value.payload === 'string' ? value.payload : value.type.kind === 'number' ? formatDecimal(numberAt(args, 0)) : null;
    if (source === null) throw new CallProblem('text is required', 0);
    return numberValue(fromInteger(parseInteger(source, integerAt(args, 1)), 512));
  }),
  range: variadic([], number('params'), range),
  greaterthan: comparison((order) => order > 0),
  greaterthanorequalto: comparison((order) => order >= 0),
  lessthan: comparison((order) => order < 0),
  lessthanorequalto: comparison((order) => order <= 0),
  equal: define([nullable('a'), nullable('b')], (args) => boolValue(equalValues(at(args, 0), at(args, 1)))),
  notequal: define([nullable('a'), nullable('b')], (args) => boolValue(!equalValues(at(args, 0), at(args, 1)))),
  and: logical((a, b) => a && b),
  or: logical((a, b) => a || b),
  not: define([typed('val', BOOL)], (args) => boolValue(at(args, 0).payload !== true)),
};
