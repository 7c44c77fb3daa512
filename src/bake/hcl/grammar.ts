// The grammar of a definition file above its expressions: bodies with arguments and blocks.
import { EOF } from 'chevrotain';
import type { Span } from '../../core/span.ts';
import type { Attribute, Block } from './ast.ts';
import { joinSpans, plainText, spanOf } from './build-nodes.ts';
import { ExpressionGrammar } from './expression-grammar.ts';
import * as T from './tokens.ts';

const { sign } = T;

/** Attributes and blocks without their file, which parse-hcl.ts adds. */
export type RawAttribute = Omit<Attribute, 'file'>;
export type RawBlock = Omit<Block, 'file' | 'body'> & { readonly body: RawBody };
export interface RawBody {
  readonly attributes: readonly RawAttribute[];
  readonly blocks: readonly RawBlock[];
}

export class HclGrammar extends ExpressionGrammar {
  readonly file: () => RawBody = this.RULE('file', () => {
    const body = this.SUBRULE(this.body);
    this.CONSUME(EOF);
    return body;
  });

  private readonly body: () => RawBody = this.RULE('body', () => {
    const attributes: RawAttribute[] = [];
    const blocks: RawBlock[] = [];
    this.MANY(() => {
      this.OR([
        { ALT: () => this.CONSUME(T.Newline) },
        {
          ALT: () => {
            const item = this.SUBRULE(this.bodyItem);
            this.SUBRULE(this.lineEnd);
            this.ACTION(() => {
              if (item.attribute !== undefined) attributes.push(item.attribute);
              if (item.block !== undefined) blocks.push(item.block);
            });
          },
        },
      ]);
    });
    return { attributes, blocks };
  });

  private readonly lineEnd: () => void = this.RULE('lineEnd', () => {
    this.OR([{ ALT: () => this.CONSUME(T.Newline) }, { ALT: () => this.CONSUME(EOF) }]);
  });

  private readonly bodyItem: () => { attribute?: RawAttribute; block?: RawBlock } = this.RULE('bodyItem', () => {
    const name = this.CONSUME(T.Ident);
    return this.OR([
      {
        ALT: () => {
          this.CONSUME(sign('='));
          const expression = this.SUBRULE(this.expression);
          return this.ACTION(() => ({
            attribute: { name: name.image, nameSpan: spanOf(name), span: joinSpans(spanOf(name), expression.span), expression },
          }));
        },
      },
      {
        ALT: () => {
          const labels: { text: string; span: Span }[] = [];
          this.MANY(() => {
            this.OR1([
              {
                ALT: () => {
                  const label = this.CONSUME1(T.Ident);
                  this.ACTION(() => labels.push({ text: label.image, span: spanOf(label) }));
                },
              },
              {
                ALT: () => {
                  const label = this.SUBRULE(this.quoted);
                  this.ACTION(() => labels.push({ text: plainText(label), span: label.span }));
                },
              },
            ]);
          });
          const opening = this.CONSUME(sign('{'));
          const body = this.SUBRULE(this.blockBody);
          return this.ACTION(() => ({
            block: { type: name.image, typeSpan: spanOf(name), labels, body, span: joinSpans(spanOf(name), spanOf(opening)) },
          }));
        },
      },
    ]);
  });

  /** After `{`: several lines, or one argument on the same line. */
  private readonly blockBody: () => RawBody = this.RULE('blockBody', () =>
    this.OR([
      {
        ALT: () => {
          this.CONSUME(sign('}'));
          return { attributes: [], blocks: [] };
        },
      },
      {
        ALT: () => {
          this.CONSUME(T.Newline);
          const body = this.SUBRULE(this.body);
          this.CONSUME1(sign('}'));
          return body;
        },
      },
      {
        ALT: () => {
          const name = this.CONSUME(T.Ident);
          this.CONSUME(sign('='));
          const expression = this.SUBRULE(this.expression);
          this.CONSUME2(sign('}'));
          return this.ACTION(() => ({
            attributes: [{ name: name.image, nameSpan: spanOf(name), span: joinSpans(spanOf(name), expression.span), expression }],
            blocks: [],
          }));
        },
      },
    ]),
  );

  constructor(validate: boolean) {
    super(validate);
    this.performSelfAnalysis();
  }
}
