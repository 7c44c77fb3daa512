// Kinds of tokens of HCL. The scanner makes them, because where a string ends depends on what is
// nested in it; the grammar only sees their order.
import { createToken, Lexer, type TokenType } from 'chevrotain';

const token = (name: string, label: string): TokenType => createToken({ name, label, pattern: Lexer.NA });

export const Newline = token('Newline', 'a new line');
export const Ident = token('Ident', 'a name');
export const NumberLit = token('NumberLit', 'a number');
export const OpenQuote = token('OpenQuote', 'a string');
export const CloseQuote = token('CloseQuote', 'the closing quote');
export const OpenHeredoc = token('OpenHeredoc', 'a heredoc');
export const CloseHeredoc = token('CloseHeredoc', 'the end of the heredoc');
export const Text = token('Text', 'text');
export const OpenInterpolation = token('OpenInterpolation', '"${"');
export const OpenControl = token('OpenControl', '"%{"');
export const CloseSequence = token('CloseSequence', '"}" of the template sequence');
export const For = token('For', '"for"');
export const ControlFor = token('ControlFor', '"for"');
export const ControlIf = token('ControlIf', '"if"');
export const ControlElse = token('ControlElse', '"else"');
export const ControlEndIf = token('ControlEndIf', '"endif"');
export const ControlEndFor = token('ControlEndFor', '"endfor"');

/** Longest first, so that `==` is not two `=`. */
const SIGNS = [
  '...',
  '&&',
  '||',
  '==',
  '!=',
  '<=',
  '>=',
  '=>',
  '::',
  '{',
  '}',
  '[',
  ']',
  '(',
  ')',
  '=',
  ':',
  '?',
  ',',
  '.',
  '+',
  '-',
  '*',
  '/',
  '%',
  '!',
  '<',
  '>',
] as const;
type Sign = (typeof SIGNS)[number];

export const SIGN_TOKENS: ReadonlyMap<string, TokenType> = new Map(SIGNS.map((sign, at) => [sign, token(`Sign${at}`, `"${sign}"`)]));

export function sign(text: Sign): TokenType {
  return SIGN_TOKENS.get(text) ?? Text;
}

/** `==`, `!=` and so on, as one kind for the grammar's loop of operands. */
export const OPERATORS: readonly Sign[] = ['||', '&&', '==', '!=', '<=', '>=', '<', '>', '+', '-', '*', '/', '%'];

export const VOCABULARY: TokenType[] = [
  Newline,
  Ident,
  NumberLit,
  OpenQuote,
  CloseQuote,
  OpenHeredoc,
  CloseHeredoc,
  Text,
  OpenInterpolation,
  OpenControl,
  CloseSequence,
  For,
  ControlFor,
  ControlIf,
  ControlElse,
  ControlEndIf,
  ControlEndFor,
  ...SIGN_TOKENS.values(),
];
