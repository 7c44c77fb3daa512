// A flat list of operands and operators → a tree, by the precedence of HCL.
import type { BinaryOperator, Expression } from './ast.ts';

const LEVELS: Readonly<Record<BinaryOperator, number>> = {
  '||': 1,
  '&&': 2,
  '==': 3,
  '!=': 3,
  '<': 4,
  '<=': 4,
  '>': 4,
  '>=': 4,
  '+': 5,
  '-': 5,
  '*': 6,
  '/': 6,
  '%': 6,
};

/** `operators[i]` stands between `operands[i]` and `operands[i + 1]`; all associate to the left. */
export function foldOperators(operands: readonly Expression[], operators: readonly BinaryOperator[]): Expression {
  const values: Expression[] = [];
  const pending: BinaryOperator[] = [];
  const reduce = (): void => {
    const operator = pending.pop();
    const right = values.pop();
    const left = values.pop();
    if (operator === undefined || left === undefined || right === undefined) return;
    values.push({ type: 'binary', operator, left, right, span: { start: left.span.start, end: right.span.end } });
  };
  for (const [at, operand] of operands.entries()) {
    values.push(operand);
    const next = operators[at];
    const level = next === undefined ? 0 : LEVELS[next];
    for (let top = pending.at(-1); top !== undefined && LEVELS[top] >= level; top = pending.at(-1)) reduce();
    if (next !== undefined) pending.push(next);
  }
  return values[0] as Expression;
}
