// regex(), regexall() and regex_replace(). Patterns are those of RE2; what JavaScript spells differently
// is translated, and what it cannot do without backtracking dangers is bounded by the length of the text.
import { DYNAMIC, STRING } from '../cty/types.ts';
import { listValue, nullOf, objectValue, stringValue, tupleValue, type Value } from '../cty/value.ts';
import { CallProblem, type PlainFunction } from '../eval/scope.ts';
import { define, text, textAt } from './arguments.ts';

const POSIX: Readonly<Record<string, string>> = {
  alnum: '0-9A-Za-z',
  alpha: 'A-Za-z',
  ascii: '\\x00-\\x7F',
  blank: '\\t ',
  cntrl: '\\x00-\\x1F\\x7F',
  digit: '0-9',
  graph: '!-~',
  lower: 'a-z',
  print: ' -~',
  punct: '!-\\/:-@\\[-`{-~',
  space: '\\t\\n\\v\\f\\r ',
  upper: 'A-Z',
  word: '0-9A-Za-z_',
  xdigit: '0-9A-Fa-f',
};

/** Throws CallProblem for argument `index`. */
function compile(pattern: string, index: number): RegExp {
  if (/\(\?(?:[=!]|<[=!])|\\[1-9]/.test(pattern))
    throw new CallProblem('look-around and back-references are not part of these patterns', index);
  const [, flags = '', rest = pattern] = /^\(\?([ims]+)\)([\s\S]*)$/.exec(pattern) ?? [];
  const source = rest
    .replace(/\(\?P</g, '(?<')
    .replace(/\[:(\w+):\]/g, (whole, name: string) => POSIX[name] ?? whole)
    .replace(/\\A/g, '^')
    .replace(/\\z/g, '$')
    .replace(/\\Q([\s\S]*?)(?:\\E|$)/g, (_, literal: string) => literal.replace(/[.*+?^${}()|[\]\\/]/g, '\\$&'))
    .replace(/\\pN/g, '\\p{N}')
    .replace(/\\p([LMNPSZC])/g, '\\p{$1}');
  try {
    return new RegExp(source, `gu${[...new Set(flags)].join('')}`);
  } catch {
    throw new CallProblem(`invalid regular expression ${JSON.stringify(pattern)}`, index);
  }
}

/** The whole match, or its groups as a tuple, or named groups as an object. */
function captured(match: RegExpExecArray): Value {
  const value = (group: string | undefined): Value => (group === undefined ? nullOf(STRING) : stringValue(group));
  if (match.length === 1) return stringValue(match[0]);
  const named = Object.entries(match.groups ?? {});
  if (named.length === 0) return tupleValue(match.slice(1).map(value));
  if (named.length < match.length - 1) throw new CallProblem('named and unnamed groups cannot be mixed', 0);
  return objectValue(new Map(named.map(([name, group]) => [name, value(group)])));
}

/** `$1`, `$name` and `${name}` as Go's Expand reads them; `$$` is a dollar. */
function expand(template: string, match: RegExpExecArray): string {
  return template.replace(/\$(?:\$|(\w+)|\{(\w+)\})/g, (whole: string, plain: string | undefined, braced: string | undefined) => {
    const name = plain ?? braced;
    if (name === undefined) return whole === '$$' ? '$' : whole;
    return (/^\d+$/.test(name) ? match[Number(name)] : match.groups?.[name]) ?? '';
  });
}

function replaceAll(source: string, pattern: RegExp, template: string): string {
  let result = '';
  let end = 0;
  for (const match of source.matchAll(pattern)) {
    result += source.slice(end, match.index) + expand(template, match);
    end = match.index + match[0].length;
  }
  return result + source.slice(end);
}

export const REGEX_FUNCTIONS: Readonly<Record<string, PlainFunction>> = {
  regex: define([text('pattern'), text('string')], (args) => {
    const match = compile(textAt(args, 0), 0).exec(textAt(args, 1));
    if (match === null) throw new CallProblem('the pattern matches no part of the text');
    return captured(match);
  }),
  regexall: define([text('pattern'), text('string')], (args) => {
    const matches = Array.from(textAt(args, 1).matchAll(compile(textAt(args, 0), 0)), captured);
    return listValue(matches, matches[0]?.type ?? DYNAMIC);
  }),
  regex_replace: define([text('str'), text('pattern'), text('replace')], (args) =>
    stringValue(replaceAll(textAt(args, 0), compile(textAt(args, 1), 1), textAt(args, 2))),
  ),
};
