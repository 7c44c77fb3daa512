// Arithmetic and comparison of numbers.
import type { Span } from '../../core/span.ts';
import { add, compare, divide, modulo, multiply, negate, subtract } from '../cty/big-float.ts';
import { boolValue, isNumber, numberValue, type Value } from '../cty/value.ts';
import type { BinaryOperator } from '../hcl/ast.ts';
import { BakeProblem, problem } from '../problem.ts';
import type { Scope } from './scope.ts';

export type NumericOperator = Exclude<BinaryOperator, '==' | '!=' | '&&' | '||'> | 'negate';

/** `operands` are numbers, not null: two, or one for 'negate'. */
export function arithmetic(operator: NumericOperator, operands: readonly Value[], span: Span, scope: Scope): Value {
  const [left, right = left] = operands;
  if (left === undefined || right === undefined || !isNumber(left) || !isNumber(right)) {
    throw new BakeProblem(problem('bake/type', 'a number is needed here', { span }), scope.file);
  }
  const a = left.payload;
  const b = right.payload;
  switch (operator) {
    case 'negate':
      return numberValue(negate(a));
    case '+':
      return numberValue(add(a, b));
    case '-':
      return numberValue(subtract(a, b));
    case '*':
      return numberValue(multiply(a, b));
    case '%':
      return numberValue(modulo(a, b));
    case '/':
      if (b.mantissa === 0n) throw new BakeProblem(problem('bake/type', 'division by zero', { span }), scope.file);
      return numberValue(divide(a, b));
    case '<':
      return boolValue(compare(a, b) < 0);
    case '<=':
      return boolValue(compare(a, b) <= 0);
    case '>':
      return boolValue(compare(a, b) > 0);
    case '>=':
      return boolValue(compare(a, b) >= 0);
  }
}
