// regex(), regexall() and regex_replace(), with the expressions of RE2.
import { Re2, type Re2Match } from '../../core/re2/re2.ts';
import { Re2Problem } from '../../core/re2/re2-node.ts';
import { STRING } from '../cty/types.ts';
import { listValue, nullOf, objectValue, stringValue, tupleValue, type Value } from '../cty/value.ts';
import { CallProblem, type PlainFunction } from '../eval/scope.ts';
import { define, text, textAt } from './arguments.ts';

/** `body` with the expression that is argument `index`. Throws CallProblem. */
function withExpression<T>(args: readonly Value[], index: number, body: (expression: Re2) => T): T {
  const source = textAt(args, index);
  try {
    return body(new Re2(source));
  } catch (error) {
    if (error instanceof Re2Problem) throw new CallProblem(`the pattern ${JSON.stringify(source)} ${error.message}`, index);
    throw error;
  }
}

/** Makes a value of a match: the whole text, or its groups as a tuple, or named groups as an object. */
function captures({ groupNames }: Pick<Re2, 'groupNames'>): (match: Pick<Re2Match, 'groups'>) => Value {
  const value = (group: string | null | undefined): Value => (group === null || group === undefined ? nullOf(STRING) : stringValue(group));
  if (groupNames.length === 0) return ({ groups }) => value(groups[0]);
  if (groupNames.every((name) => name === null)) return ({ groups }) => tupleValue(groups.slice(1).map(value));
  if (groupNames.includes(null)) throw new CallProblem('named and unnamed groups cannot be mixed', 0);
  return ({ groups }) => objectValue(new Map(groupNames.map((name, at) => [name ?? '', value(groups[at + 1])])));
}

export const REGEX_FUNCTIONS: Readonly<Record<string, PlainFunction>> = {
  regex: define([text('pattern'), text('string')], (args) =>
    withExpression(args, 0, (expression) => {
      const value = captures(expression);
      const match = expression.find(textAt(args, 1));
      if (match === null) throw new CallProblem('the pattern matches no part of the text');
      return value(match);
    }),
  ),
  regexall: define([text('pattern'), text('string')], (args) =>
    withExpression(args, 0, (expression) => {
      const value = captures(expression);
      // The type of the list, also when there is no match.
      const { type } = value({ groups: [null] });
      return listValue(expression.findAll(textAt(args, 1)).map(value), type);
    }),
  ),
  regex_replace: define([text('str'), text('pattern'), text('replace')], (args) =>
    withExpression(args, 1, (expression) => stringValue(expression.replaceAll(textAt(args, 0), textAt(args, 2)))),
  ),
};
