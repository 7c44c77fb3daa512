// Calling a function: finding it, checking and converting the arguments.
import { suggest } from '../../core/suggest.ts';
import { convert } from '../cty/convert.ts';
import { isItems, type Value } from '../cty/value.ts';
import type { Expression } from '../hcl/ast.ts';
import { BakeProblem, problem } from '../problem.ts';
import { CallProblem, type Parameter, type PlainFunction, type Scope } from './scope.ts';

type Call = Extract<Expression, { type: 'call' }>;
type Evaluate = (expression: Expression, scope: Scope) => Value;

interface Argument {
  readonly value: Value;
  readonly expression: Expression;
}

export function callFunction(call: Call, scope: Scope, evaluate: Evaluate): Value {
  const found = scope.function(call.name);
  if (found === null) {
    const near = suggest(call.name, scope.functionNames());
    const hint = near === null ? 'docs/bake.md lists the functions; declare others with a function block' : `did you mean ${near}()?`;
    throw new BakeProblem(
      problem('bake/unknown-name', `there is no function named ${JSON.stringify(call.name)}`, { span: call.nameSpan, hint }),
      scope.file,
    );
  }
  if ('lazy' in found) return asProblem(call, scope, () => found.lazy(call.args, scope, evaluate));
  const args = argumentsOf(call, scope, evaluate);
  checkCount(call, found, args.length, scope);
  const values = args.map((argument, at) => fitting(call, argument, found.params[at] ?? found.variadic, scope));
  return asProblem(call, scope, () => found.call(values));
}

/** `f(list...)` passes the elements of the list. */
function argumentsOf(call: Call, scope: Scope, evaluate: Evaluate): Argument[] {
  const args = call.args.map((expression) => ({ expression, value: evaluate(expression, scope) }));
  const last = args.at(-1);
  if (!call.expand || last === undefined) return args;
  const { payload } = last.value;
  if (!isItems(payload)) {
    throw new BakeProblem(
      problem('bake/call', `... needs a list, and this is ${payload === null ? 'null' : `a ${last.value.type.kind}`}`, {
        span: last.expression.span,
      }),
      scope.file,
    );
  }
  return [...args.slice(0, -1), ...payload.map((value) => ({ value, expression: last.expression }))];
}

function checkCount(call: Call, found: PlainFunction, count: number, scope: Scope): void {
  const least = found.params.length;
  if (count >= least && (found.variadic !== undefined || count === least)) return;
  const wanted = `${found.variadic === undefined ? '' : 'at least '}${least} argument${least === 1 ? '' : 's'}`;
  const usage = [...found.params.map((param) => param.name), ...(found.variadic === undefined ? [] : [`${found.variadic.name}...`])].join(
    ', ',
  );
  const span = count > least ? (call.args[least]?.span ?? call.span) : call.span;
  throw new BakeProblem(
    problem('bake/call', `${call.name}() takes ${wanted}, got ${count}`, { span, hint: `usage: ${call.name}(${usage})` }),
    scope.file,
  );
}

function fitting(call: Call, argument: Argument, param: Parameter | undefined, scope: Scope): Value {
  if (param === undefined) return argument.value;
  const fail = (reason: string): never => {
    throw new BakeProblem(
      problem('bake/call', `${call.name}(): invalid value for ${JSON.stringify(param.name)}: ${reason}`, {
        span: argument.expression.span,
      }),
      scope.file,
    );
  };
  if (argument.value.payload === null && param.allowNull !== true) return fail('it must not be null');
  const converted = convert(argument.value, param.type);
  return converted.ok ? converted.value : fail(converted.reason);
}

function asProblem(call: Call, scope: Scope, body: () => Value): Value {
  try {
    return body();
  } catch (error) {
    if (!(error instanceof CallProblem)) throw error;
    const span = error.argument === null ? call.span : (call.args[error.argument]?.span ?? call.span);
    throw new BakeProblem(problem('bake/call', `${call.name}(): ${error.message}`, { span }), scope.file);
  }
}
