// A definition file in HCL → its body. The parser is built once per bake and reused for every file.
import { EOF, type IRecognitionException, type IToken, type TokenType } from 'chevrotain';
import type { SourceFile, Span } from '../../core/span.ts';
import { BakeProblem, throwProblems } from '../problem.ts';
import type { Body, Expression } from './ast.ts';
import { spanOf, syntaxProblem } from './build-nodes.ts';
import { HclGrammar, type RawBody } from './grammar.ts';
import { isCloser, isWrongCloser, openBracket, parseAll } from './recovery.ts';
import { type Scanned, scanHcl, scanTemplate } from './scanner.ts';
import { wholeText } from './template-parts.ts';
import * as T from './tokens.ts';

export interface HclParser {
  /** Throws BakeProblem 'bake/syntax' with all that is wrong. */
  parseBody(file: SourceFile): Body;
  /** `text` is one template that begins at `offset` of `file`. */
  parseTemplate(text: string, span: Span): Expression;
  parseExpression(text: string): Expression;
}

/** `validate` adds chevrotain's checks of the grammar (tests). */
export function createHclParser(validate = false): HclParser {
  const grammar = new HclGrammar(validate);
  /** Throws what is wrong first. */
  const run = <R>(tokens: IToken[], rule: () => R, end: number): R => {
    grammar.input = tokens;
    const result = rule();
    const [error] = grammar.errors;
    if (error !== undefined) throw problemOf(error, tokens, end);
    return result;
  };
  const whole = <R>({ tokens, problems }: Scanned, rule: () => R, end: number): R => {
    throwProblems(problems);
    return run(tokens, rule, end);
  };
  return {
    parseBody: (file) =>
      guarded(file, () => {
        const { tokens, problems } = scanHcl(file.text);
        const parse = (left: IToken[]): RawBody => run(left, () => grammar.file(), file.text.length);
        return inFile(parseAll(tokens, problems, parse), file);
      }),
    parseTemplate: (text, span) =>
      wholeText(
        whole(scanTemplate(text), () => grammar.template(), text.length),
        span,
      ),
    parseExpression: (text) => whole(scanHcl(text), () => grammar.expression(), text.length),
  };
}

/** Deep nesting is the only way to exhaust the stack here. */
function guarded<R>(file: SourceFile, body: () => R): R {
  try {
    return body();
  } catch (error) {
    if (error instanceof RangeError) throw syntaxProblem('expressions are nested too deeply', { start: 0, end: 0 }).in(file);
    throw error instanceof BakeProblem ? error.in(file) : error;
  }
}

function inFile(raw: RawBody, file: SourceFile): Body {
  return {
    attributes: raw.attributes.map((attribute) => ({ ...attribute, file })),
    blocks: raw.blocks.map((block) => ({ ...block, body: inFile(block.body, file), file })),
  };
}

function problemOf(error: IRecognitionException, tokens: readonly IToken[], end: number): BakeProblem {
  const { token } = error;
  const rule = error.context.ruleStack.at(-1) ?? '';
  const atEnd = token.tokenType === EOF;
  const opening = openBracket(atEnd ? tokens : tokens.slice(0, tokens.indexOf(token)));
  if (opening !== null && (atEnd || isWrongCloser(opening, token))) {
    const where = atEnd ? 'the file ends' : `${token.image} comes`;
    return syntaxProblem(`this ${opening.image} is not closed`, spanOf(opening), `${where} before the bracket that closes it`);
  }
  if (opening === null && isCloser(token)) return syntaxProblem(`nothing opens what this ${token.image} closes`, spanOf(token));
  if (atEnd) return syntaxProblem(`expected ${expectedIn(rule, error)}, got the end of the file`, { start: end, end });
  const image = token.image.length > 40 ? `${token.image.slice(0, 40)}…` : token.image;
  const found = token.tokenType === T.Newline ? 'a new line' : JSON.stringify(image);
  return syntaxProblem(`expected ${expectedIn(rule, error)}, got ${found}`, spanOf(token), hintFor(rule, token.tokenType));
}

const RULE_NAMES: Readonly<Record<string, string>> = {
  term: 'a value',
  step: 'an attribute name, an index or "*"',
  lineEnd: 'a new line after the argument or block',
  body: 'an argument or a block',
  file: 'an argument or a block',
  bodyItem: '"=" or the "{" of a block',
  blockBody: 'a new line, or one argument and "}"',
  bracketed: '"," or "]"',
  objectItems: '"," or "}" or a key',
  named: '"," or ")"',
  forClause: 'a name',
  control: 'if, else, endif, for or endfor',
  parts: '"}" of the template sequence',
};

/** What the rule wanted; a mismatched token knows it exactly. */
function expectedIn(rule: string, error: IRecognitionException): string {
  const exact = /^expecting: (.*)$/.exec(error.message)?.[1];
  return exact !== undefined && exact !== '' ? exact : (RULE_NAMES[rule] ?? 'something else');
}

function hintFor(rule: string, found: TokenType): string | undefined {
  switch (rule) {
    case 'lineEnd':
      return 'write one argument per line';
    case 'blockBody':
      return 'a block on one line holds at most one argument and closes on that line; put others on lines of their own';
    case 'bodyItem':
      return found === T.sign(':') ? 'arguments are written NAME = VALUE' : 'write NAME = VALUE, or TYPE "NAME" { … }';
    default:
      return undefined;
  }
}
