// What the rules of the grammar make of the tokens they read: small syntax tree nodes and the checks that
// go with them.
import type { IToken } from 'chevrotain';
import type { Span } from '../../core/span.ts';
import { parseDecimal } from '../cty/big-float.ts';
import { FALSE, integerValue, NULL, numberValue, stringValue, TRUE, type Value } from '../cty/value.ts';
import { BakeProblem, problem } from '../problem.ts';
import type { Expression, Step } from './ast.ts';

export const spanOf = (token: IToken): Span => ({ start: token.startOffset, end: token.startOffset + token.image.length });

export const joinSpans = (first: Span, last: Span): Span => ({ start: first.start, end: last.end });

export const syntaxProblem = (message: string, span: Span, hint?: string): BakeProblem =>
  new BakeProblem(problem('bake/syntax', message, { span, ...(hint === undefined ? {} : { hint }) }));

export function expectIf(word: IToken): void {
  if (word.image !== 'if')
    throw syntaxProblem(`expected "if" or the end of the for expression, got ${JSON.stringify(word.image)}`, spanOf(word));
}

export function numberLiteral(token: IToken): Expression {
  const number = parseDecimal(token.image);
  if (number === null) throw syntaxProblem('the number is out of range', spanOf(token));
  return { type: 'literal', value: numberValue(number), span: spanOf(token) };
}

const CONSTANTS: ReadonlyMap<string, Value> = new Map([
  ['true', TRUE],
  ['false', FALSE],
  ['null', NULL],
]);

export interface CallParts {
  readonly args: readonly Expression[];
  readonly expand: boolean;
  readonly end: IToken;
}

/** A name alone is a constant or variable; with arguments a function call. */
export function namedExpression(name: string, nameSpan: Span, call: CallParts | null): Expression {
  if (call !== null)
    return { type: 'call', name, nameSpan, args: call.args, expand: call.expand, span: joinSpans(nameSpan, spanOf(call.end)) };
  const constant = CONSTANTS.get(name);
  return constant === undefined ? { type: 'variable', name, span: nameSpan } : { type: 'literal', value: constant, span: nameSpan };
}

/** `a.0` and, because it reads as one number, `a.0.1`. */
export function legacyIndexes(token: IToken): readonly Step[] {
  const span = spanOf(token);
  return token.image.split('.').map((digits) => {
    if (!/^\d{1,9}$/.test(digits)) throw syntaxProblem(`${token.image} is not an index`, span);
    return { type: 'index', key: { type: 'literal', value: integerValue(Number(digits)), span }, span };
  });
}

/** Steps after `.*` belong to the splat when they are attributes, after `[*]` all of them. */
/** What follows a value; a number as in `a.0.1` is several steps. */
export type Trailer = Step | 'attributes' | 'items' | readonly Step[];

export function applyStep(value: Expression, step: Trailer, end: number): Expression {
  const span = { start: value.span.start, end };
  if (step === 'attributes' || step === 'items')
    return { type: 'splat', of: value, steps: [], attributesOnly: step === 'attributes', span };
  if (isSteps(step)) return step.reduce<Expression>((of, one) => applyStep(of, one, end), value);
  if (value.type === 'splat' && (!value.attributesOnly || step.type === 'attribute'))
    return { ...value, steps: [...value.steps, step], span };
  return { type: 'step', of: value, step, span };
}

const isSteps = (step: Step | readonly Step[]): step is readonly Step[] => Array.isArray(step);

/** A bare name is the key itself; anything else is evaluated. */
export function objectKey(key: Expression): Expression {
  if (key.type === 'variable') return { type: 'literal', value: stringValue(key.name), span: key.span };
  if (key.type === 'step')
    throw syntaxProblem('a key with dots is ambiguous', key.span, 'write it in quotes, or in parentheses to use the value');
  return key;
}

/** Text of a string that may not hold a template, as labels of blocks. */
export function plainText(expression: Expression): string {
  if (expression.type === 'literal' && typeof expression.value.payload === 'string') return expression.value.payload;
  throw syntaxProblem('a label of a block is plain text', expression.span, 'templates are not evaluated here');
}
