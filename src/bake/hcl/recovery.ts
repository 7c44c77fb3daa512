// All that is wrong with a file, not only the first: after each error the statement around it is left out
// and the rest is parsed again.
import type { IToken } from 'chevrotain';
import type { Span } from '../../core/span.ts';
import { BakeProblem, MOST_PROBLEMS, throwProblems } from '../problem.ts';
import * as T from './tokens.ts';

const OPENERS: ReadonlyMap<unknown, unknown> = new Map([
  [T.sign('{'), T.sign('}')],
  [T.sign('['), T.sign(']')],
  [T.sign('('), T.sign(')')],
]);
const CLOSERS: ReadonlySet<unknown> = new Set(OPENERS.values());

/**
 * `parse` throws BakeProblem for the first error of the tokens; `known` is what is wrong already, and hides errors
 * of the statements it is in. Throws BakeProblem with everything, by place.
 */
export function parseAll<R>(tokens: readonly IToken[], known: readonly BakeProblem[], parse: (tokens: IToken[]) => R): R {
  const problems = [...known];
  /** Where the text goes on behind what was left out last; an error right there is none of its own. */
  let seam = -1;
  for (let left = [...tokens]; ; ) {
    const parsed = attempt(() => parse(left));
    if ('result' in parsed) {
      throwProblems(inOrder(problems));
      return parsed.result;
    }
    const [start, end] = statementAt(left, parsed.span);
    const text = { start: left[start]?.startOffset ?? 0, end: left[end]?.startOffset ?? Number.POSITIVE_INFINITY };
    if (!known.some((one) => isIn(one, text)) && parsed.span.start !== seam) problems.push(parsed.problem);
    seam = CLOSERS.has(left[end]?.tokenType) ? text.end : -1;
    if (end <= start || problems.length >= MOST_PROBLEMS) throwProblems(inOrder(problems));
    left = [...left.slice(0, start), ...left.slice(end)];
  }
}

function attempt<R>(parse: () => R): { readonly result: R } | { readonly problem: BakeProblem; readonly span: Span } {
  try {
    return { result: parse() };
  } catch (error) {
    if (!(error instanceof BakeProblem) || error.diagnostic.span === undefined) throw error;
    return { problem: error, span: error.diagnostic.span };
  }
}

const startOf = (problem: BakeProblem): number => problem.diagnostic.span?.start ?? 0;

const isIn = (problem: BakeProblem, { start, end }: Span): boolean => startOf(problem) >= start && startOf(problem) < end;

const inOrder = (problems: readonly BakeProblem[]): readonly BakeProblem[] => problems.toSorted((a, b) => startOf(a) - startOf(b));

/** Indexes of the tokens of the statement around a place: whole lines, with the brackets that they open. */
function statementAt(tokens: readonly IToken[], { start: offset }: Span): readonly [start: number, end: number] {
  const after = tokens.findIndex((token) => token.startOffset >= offset);
  const at = after === -1 ? tokens.length : after;
  let start = at;
  while (start > 0 && tokens[start - 1]?.tokenType !== T.Newline) start -= 1;
  const open: unknown[] = [];
  for (let end = start; end < tokens.length; end += 1) {
    const type = tokens[end]?.tokenType;
    const closer = OPENERS.get(type);
    if (closer !== undefined) open.push(closer);
    else if (CLOSERS.has(type)) {
      const fits = open.lastIndexOf(type);
      // What closes the block around the statement is none of it, unless it stands alone.
      if (fits === -1 && end >= at && end > start) return [start, end];
      if (fits === -1 && end < at) start = end + 1;
      if (fits !== -1) open.length = fits;
    } else if (type === T.Newline && open.length === 0 && end >= at) return [start, end];
  }
  return [start, tokens.length];
}

export const isCloser = (token: IToken): boolean => CLOSERS.has(token.tokenType);

/** Whether `closing` is a bracket that closes another one than `opening`. */
export const isWrongCloser = (opening: IToken, closing: IToken): boolean =>
  isCloser(closing) && OPENERS.get(opening.tokenType) !== closing.tokenType;

/** The last bracket that nothing closes. */
export function openBracket(tokens: readonly IToken[]): IToken | null {
  const open: IToken[] = [];
  for (const token of tokens) {
    if (OPENERS.has(token.tokenType)) open.push(token);
    else if (CLOSERS.has(token.tokenType)) open.pop();
  }
  return open.at(-1) ?? null;
}
