// Functions that see expressions instead of values: try, can and convert.
import { convert } from '../cty/convert.ts';
import { boolValue } from '../cty/value.ts';
import { typeOf } from '../definition/type-expression.ts';
import { CallProblem, type LazyFunction } from '../eval/scope.ts';
import { BakeProblem } from '../problem.ts';

export const LAZY_FUNCTIONS: Readonly<Record<string, LazyFunction>> = {
  /** The first argument that has a value. */
  try: {
    lazy(args, scope, evaluate) {
      let last: BakeProblem | null = null;
      for (const arg of args) {
        try {
          return evaluate(arg, scope);
        } catch (error) {
          if (!(error instanceof BakeProblem)) throw error;
          last = error;
        }
      }
      throw new CallProblem(last === null ? 'at least one argument is required' : `no argument has a value; the last one: ${last.message}`);
    },
  },
  can: {
    lazy(args, scope, evaluate) {
      const [arg] = args;
      if (arg === undefined || args.length !== 1) throw new CallProblem('it takes one argument');
      try {
        evaluate(arg, scope);
        return boolValue(true);
      } catch (error) {
        if (error instanceof BakeProblem) return boolValue(false);
        throw error;
      }
    },
  },
  /** convert(value, type), where the type is written as for variables. */
  convert: {
    lazy(args, scope, evaluate) {
      const [value, type] = args;
      if (value === undefined || type === undefined || args.length !== 2) throw new CallProblem('it takes a value and a type');
      const result = convert(evaluate(value, scope), typeOf(type));
      if (!result.ok) throw new CallProblem(`cannot convert: ${result.reason}`, 0);
      return result.value;
    },
  },
};
