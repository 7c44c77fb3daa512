// What an expression can see: variables, the attributes of other blocks, and functions. Lookups are lazy,
// so definitions may stand in any order and in any file.
import type { SourceFile } from '../../core/span.ts';
import type { CtyType } from '../cty/types.ts';
import type { Value } from '../cty/value.ts';
import type { Expression } from '../hcl/ast.ts';

export interface Scope {
  /** The file that spans of evaluated expressions are in. */
  readonly file: SourceFile;
  /** null when no such variable exists. */
  variable(name: string): Value | null;
  /** `target.NAME.ATTRIBUTE` without evaluating the rest of the block; null when it is no such path. */
  blockAttribute(type: string, name: string, attribute: string): Value | null;
  function(name: string): BakeFunction | null;
  /** For "did you mean". */
  variableNames(): Iterable<string>;
  functionNames(): Iterable<string>;
}

export interface Parameter {
  readonly name: string;
  readonly type: CtyType;
  readonly allowNull?: boolean;
}

export interface PlainFunction {
  readonly params: readonly Parameter[];
  readonly variadic?: Parameter;
  /** Arguments are converted and not null (unless allowed). Throws CallProblem. */
  call(args: readonly Value[]): Value;
}

/** Sees the expressions, not their values: try, can, convert. */
export interface LazyFunction {
  readonly lazy: (args: readonly Expression[], scope: Scope, evaluate: (expression: Expression, scope: Scope) => Value) => Value;
}

export type BakeFunction = PlainFunction | LazyFunction;

/** Why a function cannot give a result; `argument` is the index of the culprit. */
export class CallProblem extends Error {
  override readonly name = 'CallProblem';
  readonly argument: number | null;

  constructor(message: string, argument: number | null = null) {
    super(message);
    this.argument = argument;
  }
}

/** `scope` with some variables of its own, for for-expressions and parameters. */
export function withVariables(scope: Scope, variables: ReadonlyMap<string, Value>): Scope {
  return {
    file: scope.file,
    variable: (name) => variables.get(name) ?? scope.variable(name),
    blockAttribute: (type, name, attribute) => (variables.has(type) ? null : scope.blockAttribute(type, name, attribute)),
    function: (name) => scope.function(name),
    variableNames: () => [...variables.keys(), ...scope.variableNames()],
    functionNames: () => scope.functionNames(),
  };
}

export const inFile = (scope: Scope, file: SourceFile): Scope => (scope.file === file ? scope : { ...scope, file });
