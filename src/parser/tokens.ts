// Tokens of a Dockerfile. A continuation may cut keywords, flags and words anywhere, so the text of an
// instruction is one token that knows its physical lines. Heredoc bodies are found by looking back at
// the instruction before them: lexing keeps no state of its own.
import { createToken, type IToken, Lexer, type TokenType } from 'chevrotain';
import { type HeredocBody, readBodies } from './heredoc-bodies.ts';
import { findHeredocs } from './heredoc-openers.ts';
import { instructionLines, isBlankLine, isCommentLine, joinLines, nextLine, type PhysicalLines } from './logical-line.ts';
import type { Escape } from './mapped-text.ts';

/** Bounds memory on hostile files: everything after that many tokens is one token without lines. */
const MAX_TOKENS = 100_000;

/** What a custom pattern returns; chevrotain copies `payload` to the token. */
type Match = [string] & { payload?: PhysicalLines | readonly HeredocBody[] };

type Pattern = (text: string, offset: number, matched: readonly IToken[]) => Match | null;

const match = (text: string, start: number, end: number): Match => [text.slice(start, end)];

function customToken(name: string, pattern: Pattern, category: TokenType | []): TokenType {
  const exec = pattern as (text: string, offset: number, matched: readonly IToken[]) => RegExpExecArray | null;
  return createToken({ name, pattern: { exec }, line_breaks: true, categories: category });
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

/** Lines up to the first that does not continue; every other line starts one, so this always matches. */
function instructionText(escapeChar: Escape): Pattern {
  return (text, offset, matched) => {
    const full = matched.length >= MAX_TOKENS;
    const payload = full ? { lines: [], blanks: [], end: text.length } : instructionLines(text, offset, escapeChar);
    return Object.assign(match(text, offset, payload.end), { payload });
  };
}

/** Bodies can only follow an instruction that opens some. */
function heredocBodies(escapeChar: Escape): Pattern {
  return (text, offset, matched) => {
    const before = matched.at(-1);
    if (before === undefined || !before.image.includes('<<') || before.tokenType !== OWN[escapeChar].text) return null;
    const { lines } = before.payload as PhysicalLines;
    const openers = findHeredocs(joinLines(text, lines, escapeChar));
    if (openers.length === 0) return null;
    const { bodies, next } = readBodies(text, offset, openers);
    return Object.assign(match(text, offset, next), { payload: bodies });
  };
}

export const Comments = customToken('Comments', blockOf(isCommentLine), []);
export const Blanks = customToken('Blanks', blockOf(isBlankLine), []);
/** An instruction without its heredoc bodies; payload: PhysicalLines. Each lexer has a kind of its own. */
export const InstructionText = createToken({ name: 'InstructionText', pattern: Lexer.NA });
/** All bodies and terminators of one instruction; payload: HeredocBody[]. */
export const Heredocs = createToken({ name: 'Heredocs', pattern: Lexer.NA });

const OWN = {
  '\\': {
    heredocs: customToken('BackslashHeredocs', heredocBodies('\\'), Heredocs),
    text: customToken('BackslashInstructionText', instructionText('\\'), InstructionText),
  },
  '`': {
    heredocs: customToken('BacktickHeredocs', heredocBodies('`'), Heredocs),
    text: customToken('BacktickInstructionText', instructionText('`'), InstructionText),
  },
} as const;

/** Tokens of one lexer, most specific first. */
export const lexerTokens = (escapeChar: Escape): TokenType[] => [OWN[escapeChar].heredocs, Comments, Blanks, OWN[escapeChar].text];

export const VOCABULARY: TokenType[] = [
  Comments,
  Blanks,
  InstructionText,
  Heredocs,
  ...Object.values(OWN['\\']),
  ...Object.values(OWN['`']),
];
