// Tokens of a Dockerfile: physical lines or blocks of lines, because a continuation may cut keywords,
// flags and words anywhere. Heredoc bodies are found by looking back over the tokens of their
// instruction, so lexing keeps no state of its own.
import { createToken, type IToken, Lexer, type TokenType } from 'chevrotain';
import { type HeredocBody, readBodies } from './heredoc-bodies.ts';
import { findHeredocs } from './heredoc-openers.ts';
import { contentEnd, continuationAt, isBlankLine, isCommentLine, joinLines, nextLine } from './logical-line.ts';
import type { Escape, Range } from './mapped-text.ts';

/** What a custom pattern returns; chevrotain copies `payload` to the token. */
type Match = [string] & { payload?: readonly HeredocBody[] };

type Pattern = (text: string, offset: number, matched: IToken[]) => Match | null;

export const rangeOf = (token: IToken): Range => ({ start: token.startOffset, end: token.startOffset + token.image.length });

const match = (text: string, start: number, end: number): Match => [text.slice(start, end)];

function lineToken(name: string, pattern: Pattern | typeof Lexer.NA, category?: TokenType): TokenType {
  const custom =
    typeof pattern === 'function'
      ? { exec: pattern as (text: string, offset: number, matched: IToken[]) => RegExpExecArray | null }
      : pattern;
  return createToken({ name, pattern: custom, line_breaks: true, ...(category === undefined ? {} : { categories: category }) });
}

/** Consecutive lines of one kind are one token, which keeps huge files of blank lines cheap. */
function blockOf(belongs: (text: string, start: number, next: number) => boolean): Pattern {
  return (text, offset) => {
    let end = offset;
    while (end < text.length) {
      const next = nextLine(text, end);
      if (!belongs(text, end, next)) break;
      end = next;
    }
    return end === offset ? null : match(text, offset, end);
  };
}

function continuedLine(escapeChar: Escape): Pattern {
  return (text, offset) => {
    const next = nextLine(text, offset);
    return continuationAt(text, offset, contentEnd(text, offset, next), escapeChar) === -1 ? null : match(text, offset, next);
  };
}

export const Comments = lineToken('Comments', blockOf(isCommentLine));
export const Blanks = lineToken('Blanks', blockOf(isBlankLine));
export const Line = lineToken('Line', (text, offset) => match(text, offset, nextLine(text, offset)));
/** A line that ends with the escape character; the lexers bring one kind each. */
export const Continued = lineToken('Continued', Lexer.NA);
/** All bodies and terminators of one instruction. */
export const Heredocs = lineToken('Heredocs', Lexer.NA);

const own = {
  '\\': [lineToken('HeredocsBackslash', heredocBodies('\\'), Heredocs), lineToken('ContinuedBackslash', continuedLine('\\'), Continued)],
  '`': [lineToken('HeredocsBacktick', heredocBodies('`'), Heredocs), lineToken('ContinuedBacktick', continuedLine('`'), Continued)],
} as const;

/** Tokens of one lexer, most specific first. */
export const lexerTokens = (escapeChar: Escape): TokenType[] => [own[escapeChar][0], Comments, Blanks, own[escapeChar][1], Line];

export const VOCABULARY: TokenType[] = [Comments, Blanks, Line, Continued, Heredocs, ...own['\\'], ...own['`']];

/** Bodies can only follow the last line of an instruction that opens some. */
function heredocBodies(escapeChar: Escape): Pattern {
  return (text, offset, matched) => {
    if (matched.at(-1)?.tokenType !== Line) return null;
    const lines = instructionLines(matched, escapeChar);
    if (!lines.some((token) => token.image.includes('<<'))) return null;
    const openers = findHeredocs(joinLines(text, lines.map(rangeOf), escapeChar));
    if (openers.length === 0) return null;
    const { bodies, next } = readBodies(text, offset, openers);
    return Object.assign(match(text, offset, next), { payload: bodies });
  };
}

/** The last token and the continued lines before it; comments and blank lines between them are skipped. */
function instructionLines(matched: readonly IToken[], escapeChar: Escape): IToken[] {
  const lines: IToken[] = [];
  for (let at = matched.length - 1; at >= 0; at -= 1) {
    const token = matched[at];
    if (token === undefined) break;
    if (lines.length === 0 || token.tokenType === own[escapeChar][1]) lines.push(token);
    else if (token.tokenType !== Comments && token.tokenType !== Blanks) break;
  }
  return lines.reverse();
}
