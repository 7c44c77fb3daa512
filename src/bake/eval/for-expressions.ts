// `[for x in list : …]`, `{for k, v in map : … => …}` and the for directive of templates.
import { convert } from '../cty/convert.ts';
import { BOOL, STRING } from '../cty/types.ts';
import { integerValue, isEntries, isItems, objectValue, stringValue, tupleValue, type Value } from '../cty/value.ts';
import type { Expression, ForClause } from '../hcl/ast.ts';
import { BakeProblem, problem } from '../problem.ts';
import { type Scope, withVariables } from './scope.ts';

type Evaluate = (expression: Expression, scope: Scope) => Value;

/** The variables of each round, in the order of the collection. */
export function* iterate(clause: ForClause, scope: Scope, evaluate: Evaluate): Generator<ReadonlyMap<string, Value>> {
  const collection = evaluate(clause.collection, scope);
  const round = (key: Value, item: Value): ReadonlyMap<string, Value> =>
    new Map([...(clause.key === null ? [] : [[clause.key, key] as const]), [clause.item, item]]);
  if (isItems(collection.payload)) {
    const set = collection.type.kind === 'set';
    for (const [at, item] of collection.payload.entries()) yield round(set ? item : integerValue(at), item);
  } else if (isEntries(collection.payload)) {
    for (const [name, item] of collection.payload) yield round(stringValue(name), item);
  } else {
    const message =
      collection.payload === null
        ? 'cannot walk over null'
        : `cannot walk over a ${collection.type.kind}: a list, set, map or object is needed`;
    throw new BakeProblem(problem('bake/type', message, { span: clause.collection.span }), scope.file);
  }
}

function included(condition: Expression | null, scope: Scope, evaluate: Evaluate): boolean {
  if (condition === null) return true;
  const converted = convert(evaluate(condition, scope), BOOL);
  if (converted.ok && converted.value.payload !== null) return converted.value.payload === true;
  throw new BakeProblem(
    problem('bake/type', `the condition is no bool: ${converted.ok ? 'it is null' : converted.reason}`, { span: condition.span }),
    scope.file,
  );
}

export function forTuple(expression: Extract<Expression, { type: 'for-tuple' }>, scope: Scope, evaluate: Evaluate): Value {
  const items: Value[] = [];
  for (const variables of iterate(expression.clause, scope, evaluate)) {
    const inner = withVariables(scope, variables);
    if (included(expression.condition, inner, evaluate)) items.push(evaluate(expression.value, inner));
  }
  return tupleValue(items);
}

export function forObject(expression: Extract<Expression, { type: 'for-object' }>, scope: Scope, evaluate: Evaluate): Value {
  const entries = new Map<string, Value>();
  const groups = new Map<string, Value[]>();
  for (const variables of iterate(expression.clause, scope, evaluate)) {
    const inner = withVariables(scope, variables);
    if (!included(expression.condition, inner, evaluate)) continue;
    const key = convert(evaluate(expression.key, inner), STRING);
    const place = { span: expression.key.span };
    if (!key.ok || key.value.payload === null)
      throw new BakeProblem(problem('bake/type', `the key is no text: ${key.ok ? 'it is null' : key.reason}`, place), scope.file);
    const name = String(key.value.payload);
    const value = evaluate(expression.value, inner);
    if (expression.group) groups.set(name, [...(groups.get(name) ?? []), value]);
    else if (entries.has(name)) {
      const hint = 'write ... after the value to collect several values under one key';
      throw new BakeProblem(problem('bake/type', `two elements give the key ${JSON.stringify(name)}`, { ...place, hint }), scope.file);
    } else entries.set(name, value);
  }
  for (const [name, values] of groups) entries.set(name, tupleValue(values));
  return objectValue(entries);
}
