// `type = list(string)`: types written as expressions, for variables and convert().
import type { Span } from '../../core/span.ts';
import { BOOL, type CtyType, DYNAMIC, listOf, mapOf, NUMBER, STRING, setOf } from '../cty/types.ts';
import type { Expression } from '../hcl/ast.ts';
import { BakeProblem, problem } from '../problem.ts';

const NAMED: ReadonlyMap<string, CtyType> = new Map([
  ['string', STRING],
  ['number', NUMBER],
  ['bool', BOOL],
  ['any', DYNAMIC],
]);
const COLLECTIONS: ReadonlyMap<string, (element: CtyType) => CtyType> = new Map([
  ['list', listOf],
  ['set', setOf],
  ['map', mapOf],
]);
const HINT = 'types are string, number, bool, any, list(T), set(T), map(T), tuple([T, …]) and object({NAME = T, …})';

const fail = (message: string, span: Span): never => {
  throw new BakeProblem(problem('bake/type', message, { span, hint: HINT }));
};

/** Throws BakeProblem without a file. */
export function typeOf(expression: Expression): CtyType {
  if (expression.type === 'variable')
    return NAMED.get(expression.name) ?? fail(`${JSON.stringify(expression.name)} is no type`, expression.span);
  if (expression.type !== 'call') return fail('a type is needed here', expression.span);
  const { name, args } = expression;
  const [first] = args;
  if (first === undefined || args.length !== 1) return fail(`${name}() takes one type`, expression.span);
  const collection = COLLECTIONS.get(name);
  if (collection !== undefined) return collection(typeOf(first));
  if (name === 'tuple' && first.type === 'tuple') return { kind: 'tuple', items: first.items.map(typeOf) };
  if (name === 'object' && first.type === 'object') return objectOf(first);
  return fail(
    name === 'optional' ? 'optional() stands only in the attributes of object()' : `${JSON.stringify(name)} is no type`,
    expression.span,
  );
}

/** Attributes in optional(T) may be left out; they are null then. */
function objectOf(expression: Extract<Expression, { type: 'object' }>): CtyType {
  const attributes = new Map<string, CtyType>();
  const optional = new Set<string>();
  for (const { key, value } of expression.items) {
    const name =
      key.type === 'literal' && typeof key.value.payload === 'string'
        ? key.value.payload
        : fail('names of attributes are plain words', key.span);
    const [inner, more] = value.type === 'call' && value.name === 'optional' ? value.args : [value];
    if (inner === undefined || more !== undefined) return fail('optional() takes one type', value.span);
    if (inner !== value) optional.add(name);
    attributes.set(name, typeOf(inner));
  }
  return { kind: 'object', attributes, ...(optional.size === 0 ? {} : { optional }) };
}
