// The grammar of strings, heredocs and for clauses: where expressions stand inside of text. Rules of
// expressions come from expression-grammar.ts, which extends this one.
import { EmbeddedActionsParser, EOF, type IParserErrorMessageProvider, type IToken } from 'chevrotain';
import type { Expression, ForClause, TemplatePart } from './ast.ts';
import { joinSpans, spanOf, syntaxProblem } from './build-nodes.ts';
import { type Directive, type RawPart, templateParts, wholeText } from './template-parts.ts';
import * as T from './tokens.ts';

const { sign } = T;

/** Only the wanted token is of interest; parse-hcl.ts writes the message. */
const MESSAGES: IParserErrorMessageProvider = {
  buildMismatchTokenMessage: ({ expected }) => `expecting: ${expected.LABEL ?? expected.name}`,
  buildNotAllInputParsedMessage: () => '',
  buildNoViableAltMessage: () => '',
  buildEarlyExitMessage: () => '',
};

export abstract class TemplateGrammar extends EmbeddedActionsParser {
  declare readonly expression: () => Expression;

  protected readonly forClause: () => ForClause = this.RULE('forClause', () => {
    const first = this.CONSUME(T.Ident);
    let second: IToken | null = null;
    this.OPTION(() => {
      this.CONSUME(sign(','));
      second = this.CONSUME1(T.Ident);
    });
    const word = this.CONSUME2(T.Ident);
    const collection = this.SUBRULE(this.expression);
    return this.ACTION(() => {
      if (word.image !== 'in')
        throw syntaxProblem(
          `expected "in" here, got ${JSON.stringify(word.image)}`,
          spanOf(word),
          'write for NAME in LIST, or for KEY, NAME in MAP',
        );
      const item = second as IToken | null;
      return item === null ? { key: null, item: first.image, collection } : { key: first.image, item: item.image, collection };
    });
  });

  protected readonly quoted: () => Expression = this.RULE('quoted', () => {
    const opening = this.CONSUME(T.OpenQuote);
    const parts = this.SUBRULE(this.parts);
    const closing = this.CONSUME(T.CloseQuote);
    return this.ACTION(() => wholeText(templateParts(parts, 'quoted'), joinSpans(spanOf(opening), spanOf(closing))));
  });

  protected readonly heredoc: () => Expression = this.RULE('heredoc', () => {
    const opening = this.CONSUME(T.OpenHeredoc);
    const parts = this.SUBRULE(this.parts);
    const closing = this.CONSUME(T.CloseHeredoc);
    return this.ACTION(() =>
      wholeText(templateParts(parts, opening.payload === true ? 'flush' : 'heredoc'), joinSpans(spanOf(opening), spanOf(closing))),
    );
  });

  /** A text that is one template, as strings of JSON are. */
  readonly template: () => readonly TemplatePart[] = this.RULE('template', () => {
    const parts = this.SUBRULE(this.parts);
    this.CONSUME(EOF);
    return this.ACTION(() => templateParts(parts, 'heredoc'));
  });

  private readonly parts: () => RawPart[] = this.RULE('parts', () => {
    const parts: RawPart[] = [];
    this.MANY(() => {
      this.OR([
        {
          ALT: () => {
            const text = this.CONSUME(T.Text);
            parts.push({ type: 'text', text: text.image, span: spanOf(text) });
          },
        },
        {
          ALT: () => {
            const opening = this.CONSUME(T.OpenInterpolation);
            const expression = this.SUBRULE(this.expression);
            const closing = this.CONSUME(T.CloseSequence);
            parts.push({
              type: 'value',
              expression,
              trimBefore: opening.payload === true,
              trimAfter: closing.payload === true,
              span: joinSpans(spanOf(opening), spanOf(closing)),
            });
          },
        },
        { ALT: () => parts.push(this.SUBRULE(this.control)) },
      ]);
    });
    return parts;
  });

  private readonly control: () => RawPart = this.RULE('control', (): RawPart => {
    const opening = this.CONSUME(T.OpenControl);
    const directive = this.OR([
      {
        ALT: (): Directive => {
          this.CONSUME(T.ControlIf);
          return { word: 'if', condition: this.SUBRULE(this.expression) };
        },
      },
      {
        ALT: (): Directive => {
          this.CONSUME(T.ControlFor);
          return { word: 'for', clause: this.SUBRULE(this.forClause) };
        },
      },
      {
        ALT: (): Directive => {
          this.CONSUME(T.ControlElse);
          return { word: 'else' };
        },
      },
      {
        ALT: (): Directive => {
          this.CONSUME(T.ControlEndIf);
          return { word: 'endif' };
        },
      },
      {
        ALT: (): Directive => {
          this.CONSUME(T.ControlEndFor);
          return { word: 'endfor' };
        },
      },
    ]);
    const closing = this.CONSUME(T.CloseSequence);
    return {
      type: 'control',
      directive,
      trimBefore: opening.payload === true,
      trimAfter: closing.payload === true,
      span: joinSpans(spanOf(opening), spanOf(closing)),
    };
  });

  constructor(validate: boolean) {
    super(T.VOCABULARY, { maxLookahead: 1, recoveryEnabled: false, skipValidations: !validate, errorMessageProvider: MESSAGES });
  }
}
