// One step into a value: `.name` or `[key]`.
import { suggest } from '../../core/suggest.ts';
import { compare, fromInteger, isInteger, toDouble } from '../cty/big-float.ts';
import { convert } from '../cty/convert.ts';
import { NUMBER, STRING, typeName } from '../cty/types.ts';
import { isEntries, isItems, isNumber, type Value } from '../cty/value.ts';
import type { Expression, Step } from '../hcl/ast.ts';
import { BakeProblem, problem } from '../problem.ts';
import type { Scope } from './scope.ts';

const ZERO = fromInteger(0);

export function applyStep(value: Value, step: Step, scope: Scope, evaluate: (expression: Expression, scope: Scope) => Value): Value {
  const fail = (message: string, hint?: string): never => {
    throw new BakeProblem(problem('bake/unknown-name', message, { span: step.span, ...(hint === undefined ? {} : { hint }) }), scope.file);
  };
  if (value.payload === null)
    return fail(step.type === 'attribute' ? `cannot take .${step.name} of null` : 'cannot take an element of null');
  if (step.type === 'attribute') return attributeOf(value, step.name, fail);
  const key = evaluate(step.key, scope);
  if (key.payload === null) return fail('the index is null');
  return elementOf(value, key, fail);
}

type Fail = (message: string, hint?: string) => never;

function attributeOf(value: Value, name: string, fail: Fail): Value {
  if (!isEntries(value.payload)) {
    return fail(
      `a ${typeName(value.type)} has no attributes, so no .${name}`,
      isItems(value.payload) ? 'take one element with [0], or all of them with [*]' : undefined,
    );
  }
  const found = value.payload.get(name);
  if (found !== undefined) return found;
  const near = suggest(name, value.payload.keys());
  return fail(
    `this ${value.type.kind === 'map' ? 'map' : 'object'} has no ${value.type.kind === 'map' ? 'key' : 'attribute'} ${JSON.stringify(name)}`,
    near === null ? undefined : `did you mean ${near}?`,
  );
}

function elementOf(value: Value, key: Value, fail: Fail): Value {
  if (isEntries(value.payload)) {
    const name = convert(key, STRING);
    return name.ok ? attributeOf(value, String(name.value.payload), fail) : fail(`the key must be text: ${name.reason}`);
  }
  if (!isItems(value.payload) || value.type.kind === 'set') {
    return fail(
      `a ${typeName(value.type)} has no elements to pick by index`,
      value.type.kind === 'set' ? 'sets have no order; make a list of it first' : undefined,
    );
  }
  const index = convert(key, NUMBER);
  if (!index.ok || !isNumber(index.value)) return fail(`the index must be a number: ${index.ok ? 'it is null' : index.reason}`);
  const number = index.value.payload;
  if (!isInteger(number) || compare(number, ZERO) < 0) return fail('the index must be a whole number, 0 or more');
  return (
    value.payload[toDouble(number)] ??
    fail(`the index is out of range: there ${value.payload.length === 1 ? 'is 1 element' : `are ${value.payload.length} elements`}`)
  );
}
