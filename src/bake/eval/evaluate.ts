// Expression → value. Problems are thrown as BakeProblem with the span of the part that is wrong.

import type { Span } from '../../core/span.ts';
import { suggest } from '../../core/suggest.ts';
import { convert } from '../cty/convert.ts';
import { BOOL, type CtyType, listOf, NUMBER, STRING, sameType, typeName } from '../cty/types.ts';
import { unify } from '../cty/unify.ts';
import { boolValue, isEntries, isItems, listValue, objectValue, sameValue, stringValue, tupleValue, type Value } from '../cty/value.ts';
import type { Expression, Step, TemplatePart } from '../hcl/ast.ts';
import { BakeProblem, problem } from '../problem.ts';
import { callFunction } from './call-function.ts';
import { forObject, forTuple, iterate } from './for-expressions.ts';
import { arithmetic } from './operators.ts';
import type { Scope } from './scope.ts';
import { withVariables } from './scope.ts';
import { applyStep } from './steps.ts';

export function evaluate(expression: Expression, scope: Scope): Value {
  switch (expression.type) {
    case 'literal':
      return expression.value;
    case 'wrapped':
    case 'parens':
      return evaluate(expression.inner, scope);
    case 'template':
      return stringValue(templateText(expression.parts, scope));
    case 'variable':
      return variable(expression.name, expression.span, scope);
    case 'step':
      return (
        blockAttribute(expression.of, expression.step, scope) ?? applyStep(evaluate(expression.of, scope), expression.step, scope, evaluate)
      );
    case 'splat':
      return splat(expression, scope);
    case 'call':
      return callFunction(expression, scope, evaluate);
    case 'tuple':
      return tupleValue(expression.items.map((item) => evaluate(item, scope)));
    case 'object':
      return objectOf(expression, scope);
    case 'for-tuple':
      return forTuple(expression, scope, evaluate);
    case 'for-object':
      return forObject(expression, scope, evaluate);
    case 'conditional':
      return conditional(expression, scope);
    case 'binary':
      return binary(expression, scope);
    case 'unary':
      return expression.operator === '!'
        ? boolValue(operand(expression.operand, BOOL, scope).payload === false)
        : arithmetic('negate', [operand(expression.operand, NUMBER, scope)], expression.span, scope);
  }
}

type Of<T extends Expression['type']> = Extract<Expression, { type: T }>;

export const fail = (
  code: 'bake/type' | 'bake/unknown-name' | 'bake/call',
  message: string,
  span: Span,
  scope: Scope,
  hint?: string,
): never => {
  throw new BakeProblem(problem(code, message, { span, ...(hint === undefined ? {} : { hint }) }), scope.file);
};

function variable(name: string, span: Span, scope: Scope): Value {
  const value = scope.variable(name);
  if (value !== null) return value;
  const near = suggest(name, scope.variableNames());
  return fail(
    'bake/unknown-name',
    `there is no variable named ${JSON.stringify(name)}`,
    span,
    scope,
    near === null ? 'declare it with a variable block' : `did you mean ${near}?`,
  );
}

/** The shortcut for `target.app.tags`, so that targets can use each other's attributes without needing all of them. */
function blockAttribute(of: Expression, step: Step, scope: Scope): Value | null {
  if (of.type !== 'step' || of.of.type !== 'variable') return null;
  const name = staticName(of.step);
  const attribute = staticName(step);
  return name === null || attribute === null ? null : scope.blockAttribute(of.of.name, name, attribute);
}

function staticName(step: Step): string | null {
  if (step.type === 'attribute') return step.name;
  return step.key.type === 'literal' && typeof step.key.value.payload === 'string' ? step.key.value.payload : null;
}

/** Value of an operand, converted; null is no operand. */
function operand(expression: Expression, type: CtyType, scope: Scope): Value {
  const value = evaluate(expression, scope);
  if (value.payload === null) return fail('bake/type', 'the operand is null', expression.span, scope, `a ${typeName(type)} is needed here`);
  const converted = convert(value, type);
  return converted.ok
    ? converted.value
    : fail('bake/type', `unsuitable value for this operator: ${converted.reason}`, expression.span, scope);
}

function binary(expression: Of<'binary'>, scope: Scope): Value {
  const { operator, left, right } = expression;
  switch (operator) {
    case '==':
    case '!=':
      return boolValue(equalValues(evaluate(left, scope), evaluate(right, scope)) === (operator === '=='));
    case '&&':
    case '||': {
      // Both sides must be bools, whatever the first one is.
      const [a, b] = [operand(left, BOOL, scope).payload === true, operand(right, BOOL, scope).payload === true];
      return boolValue(operator === '&&' ? a && b : a || b);
    }
    default:
      return arithmetic(operator, [operand(left, NUMBER, scope), operand(right, NUMBER, scope)], expression.span, scope);
  }
}

/** Values of different types are different, but null is null. */
export function equalValues(a: Value, b: Value): boolean {
  if (a.payload === null || b.payload === null) return a.payload === b.payload;
  return sameType(a.type, b.type) && sameValue(a, b);
}

function conditional(expression: Of<'conditional'>, scope: Scope): Value {
  const chosen = operand(expression.condition, BOOL, scope).payload === true;
  const value = evaluate(chosen ? expression.yes : expression.no, scope);
  const other = otherType(chosen ? expression.no : expression.yes, scope);
  if (other === null || sameType(other, value.type) || other.kind === 'dynamic') return value;
  const type = value.type.kind === 'dynamic' && value.payload === null ? other : unify(chosen ? [value.type, other] : [other, value.type]);
  const converted = type === null ? null : convert(value, type);
  if (converted?.ok === true) return converted.value;
  const names = chosen ? [value.type, other] : [other, value.type];
  return fail(
    'bake/type',
    `the results of the conditional are of different types: ${names.map(typeName).join(' and ')}`,
    expression.span,
    scope,
    'convert one of them, for example with a template "${…}"',
  );
}

/** Both arms decide the type; a problem in the arm not taken does not matter. */
function otherType(expression: Expression, scope: Scope): CtyType | null {
  try {
    return evaluate(expression, scope).type;
  } catch (error) {
    if (error instanceof BakeProblem) return failedType(expression, scope);
    throw error;
  }
}

/** What an expression that has no value would have been; null when only its value could tell. */
function failedType(expression: Expression, scope: Scope): CtyType | null {
  switch (expression.type) {
    case 'parens':
      return failedType(expression.inner, scope);
    case 'template':
      return STRING;
    case 'unary':
      return expression.operator === '!' ? BOOL : NUMBER;
    case 'binary':
      return ['+', '-', '*', '/', '%'].includes(expression.operator) ? NUMBER : BOOL;
    case 'conditional': {
      const [yes, no] = [otherType(expression.yes, scope), otherType(expression.no, scope)];
      return yes === null || no === null ? null : unify([yes, no]);
    }
    default:
      return null;
  }
}

function objectOf(expression: Of<'object'>, scope: Scope): Value {
  const entries = new Map<string, Value>();
  for (const { key, value } of expression.items) entries.set(keyText(key, scope), evaluate(value, scope));
  return objectValue(entries);
}

function keyText(key: Expression, scope: Scope): string {
  const value = evaluate(key, scope);
  const converted = convert(value, STRING);
  if (value.payload === null) return fail('bake/type', 'a key is null', key.span, scope);
  return converted.ok ? String(converted.value.payload) : fail('bake/type', `a key must be text: ${converted.reason}`, key.span, scope);
}

function splat(expression: Of<'splat'>, scope: Scope): Value {
  const source = evaluate(expression.of, scope);
  if (source.payload === null) return tupleValue([]);
  const sequence = isItems(source.payload);
  const items = isItems(source.payload) ? source.payload : [source];
  const values = items.map((item) => expression.steps.reduce((value, step) => applyStep(value, step, scope, evaluate), item));
  const [first] = values;
  const element = first?.type;
  if (sequence && source.type.kind !== 'tuple' && element !== undefined && values.every((value) => sameType(value.type, element)))
    return listValue(values, element);
  return sequence && source.type.kind !== 'tuple' && element === undefined
    ? { type: listOf({ kind: 'dynamic' }), payload: [] }
    : tupleValue(values);
}

function templateText(parts: readonly TemplatePart[], scope: Scope): string {
  let text = '';
  for (const part of parts) {
    switch (part.type) {
      case 'text':
        text += part.text;
        break;
      case 'value':
        text += interpolated(part.expression, scope);
        break;
      case 'if':
        text += templateText(operand(part.condition, BOOL, scope).payload === true ? part.yes : part.no, scope);
        break;
      case 'for':
        for (const variables of iterate(part.clause, scope, evaluate)) text += templateText(part.body, withVariables(scope, variables));
        break;
    }
    if (text.length > LONGEST_TEXT) return fail('bake/type', 'the text is too long', part.span, scope);
  }
  return text;
}

/** A definition file that makes more text than this is an accident or an attack. */
const LONGEST_TEXT = 32 * 1024 * 1024;

function interpolated(expression: Expression, scope: Scope): string {
  const value = evaluate(expression, scope);
  if (value.payload === null) return fail('bake/type', 'null cannot be part of a text', expression.span, scope);
  const converted = convert(value, STRING);
  if (converted.ok) return String(converted.value.payload);
  const kind = isEntries(value.payload) || isItems(value.payload) ? 'use jsonencode() or join() to make text of it' : undefined;
  return fail('bake/type', `cannot put this value into a text: ${converted.reason}`, expression.span, scope, kind);
}
