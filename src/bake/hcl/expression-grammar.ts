// The grammar of expressions. Rules return syntax tree nodes; operators are folded by precedence in
// fold-operators.ts.
import type { IToken } from 'chevrotain';
import type { BinaryOperator, Expression, ObjectItem } from './ast.ts';
import {
  applyStep,
  expectIf,
  joinSpans,
  legacyIndexes,
  namedExpression,
  numberLiteral,
  objectKey,
  spanOf,
  syntaxProblem,
  type Trailer,
} from './build-nodes.ts';
import { foldOperators } from './fold-operators.ts';
import { TemplateGrammar } from './template-grammar.ts';
import * as T from './tokens.ts';

const { sign } = T;

/** What stands between braces. */
type ForObject = Omit<Extract<Expression, { readonly type: 'for-object' }>, 'span'>;
type ObjectItems = Omit<Extract<Expression, { readonly type: 'object' }>, 'span'>;

export abstract class ExpressionGrammar extends TemplateGrammar {
  override readonly expression: () => Expression = this.RULE('expression', () => {
    const condition = this.SUBRULE(this.operation);
    let whole = condition;
    this.OPTION(() => {
      this.CONSUME(sign('?'));
      const yes = this.SUBRULE(this.expression);
      this.CONSUME(sign(':'));
      const no = this.SUBRULE1(this.expression);
      this.ACTION(() => {
        whole = { type: 'conditional', condition, yes, no, span: joinSpans(condition.span, no.span) };
      });
    });
    return whole;
  });

  private readonly operation: () => Expression = this.RULE('operation', () => {
    const operands = [this.SUBRULE(this.operand)];
    const operators: BinaryOperator[] = [];
    this.MANY(() => {
      const token = this.OR(T.OPERATORS.map((text, at) => ({ ALT: () => this.consume(at, sign(text)) })));
      const next = this.SUBRULE1(this.operand);
      operators.push(token.image as BinaryOperator);
      operands.push(next);
    });
    return this.ACTION(() => foldOperators(operands, operators));
  });

  private readonly operand: () => Expression = this.RULE('operand', () => {
    const signs: IToken[] = [];
    this.MANY(() => {
      signs.push(this.OR([{ ALT: () => this.CONSUME(sign('-')) }, { ALT: () => this.CONSUME(sign('!')) }]));
    });
    let value = this.SUBRULE(this.term);
    this.MANY1(() => {
      const step = this.SUBRULE(this.step);
      this.ACTION(() => {
        const end = this.LA(0).startOffset + this.LA(0).image.length;
        value = applyStep(value, step, end);
      });
    });
    return this.ACTION(() =>
      signs.reduceRight<Expression>(
        (operand, token) => ({
          type: 'unary',
          operator: token.image as '-' | '!',
          operand,
          span: joinSpans(spanOf(token), operand.span),
        }),
        value,
      ),
    );
  });

  private readonly step: () => Trailer = this.RULE('step', () =>
    this.OR([
      {
        ALT: (): Trailer => {
          this.CONSUME(sign('.'));
          return this.OR1([
            {
              ALT: (): Trailer => {
                const name = this.CONSUME(T.Ident);
                return { type: 'attribute', name: name.image, span: spanOf(name) };
              },
            },
            {
              ALT: (): Trailer => {
                const number = this.CONSUME(T.NumberLit);
                return this.ACTION(() => legacyIndexes(number));
              },
            },
            {
              ALT: (): Trailer => {
                this.CONSUME(sign('*'));
                return 'attributes';
              },
            },
          ]);
        },
      },
      {
        ALT: (): Trailer => {
          const opening = this.CONSUME(sign('['));
          return this.OR2([
            {
              ALT: (): Trailer => {
                this.CONSUME1(sign('*'));
                this.CONSUME(sign(']'));
                return 'items';
              },
            },
            {
              ALT: (): Trailer => {
                const key = this.SUBRULE(this.expression);
                const closing = this.CONSUME1(sign(']'));
                return { type: 'index', key, span: joinSpans(spanOf(opening), spanOf(closing)) };
              },
            },
          ]);
        },
      },
    ]),
  );

  private readonly term: () => Expression = this.RULE('term', () =>
    this.OR([
      {
        ALT: (): Expression => {
          const token = this.CONSUME(T.NumberLit);
          return this.ACTION(() => numberLiteral(token));
        },
      },
      { ALT: (): Expression => this.SUBRULE(this.named) },
      { ALT: (): Expression => this.SUBRULE(this.quoted) },
      { ALT: (): Expression => this.SUBRULE(this.heredoc) },
      { ALT: (): Expression => this.SUBRULE(this.bracketed) },
      { ALT: (): Expression => this.SUBRULE(this.braced) },
      {
        ALT: (): Expression => {
          const opening = this.CONSUME(sign('('));
          const inner = this.SUBRULE(this.expression);
          const closing = this.CONSUME(sign(')'));
          return { type: 'parens', inner, span: joinSpans(spanOf(opening), spanOf(closing)) };
        },
      },
    ]),
  );

  private readonly named: () => Expression = this.RULE('named', () => {
    const first = this.CONSUME(T.Ident);
    let name = first.image;
    this.MANY(() => {
      this.CONSUME(sign('::'));
      name += `::${this.CONSUME1(T.Ident).image}`;
    });
    let call: { args: Expression[]; expand: boolean; end: IToken } | null = null;
    this.OPTION(() => {
      this.CONSUME(sign('('));
      const args: Expression[] = [];
      let expand = false;
      this.OPTION1(() => {
        args.push(this.SUBRULE(this.expression));
        this.MANY1(() => {
          const comma = this.CONSUME(sign(','));
          let more = false;
          this.OPTION2(() => {
            args.push(this.SUBRULE1(this.expression));
            more = true;
          });
          this.ACTION(() => {
            if (!more && this.LA(1).tokenType === sign(','))
              throw syntaxProblem('an argument is missing between the commas', spanOf(comma));
          });
        });
        this.OPTION3(() => {
          this.CONSUME(sign('...'));
          expand = true;
        });
      });
      call = { args, expand, end: this.CONSUME(sign(')')) };
    });
    return this.ACTION(() => namedExpression(name, spanOf(first), call));
  });

  private readonly bracketed: () => Expression = this.RULE('bracketed', () => {
    const opening = this.CONSUME(sign('['));
    return this.OR([
      {
        ALT: (): Expression => {
          this.CONSUME(T.For);
          const clause = this.SUBRULE(this.forClause);
          this.CONSUME(sign(':'));
          const value = this.SUBRULE(this.expression);
          let condition: Expression | null = null;
          this.OPTION(() => {
            const word = this.CONSUME(T.Ident);
            this.ACTION(() => expectIf(word));
            condition = this.SUBRULE1(this.expression);
          });
          const closing = this.CONSUME(sign(']'));
          return { type: 'for-tuple', clause, value, condition, span: joinSpans(spanOf(opening), spanOf(closing)) };
        },
      },
      {
        ALT: (): Expression => {
          const items: Expression[] = [];
          this.OPTION1(() => {
            items.push(this.SUBRULE2(this.expression));
            this.MANY(() => {
              const comma = this.CONSUME(sign(','));
              let more = false;
              this.OPTION2(() => {
                items.push(this.SUBRULE3(this.expression));
                more = true;
              });
              this.ACTION(() => {
                if (!more && this.LA(1).tokenType === sign(','))
                  throw syntaxProblem('an element is missing between the commas', spanOf(comma));
              });
            });
          });
          const closing = this.CONSUME1(sign(']'));
          return { type: 'tuple', items, span: joinSpans(spanOf(opening), spanOf(closing)) };
        },
      },
    ]);
  });

  private readonly braced: () => Expression = this.RULE('braced', () => {
    const opening = this.CONSUME(sign('{'));
    const content = this.OR([
      { ALT: (): ForObject | ObjectItems => this.SUBRULE(this.forObject) },
      { ALT: (): ForObject | ObjectItems => this.SUBRULE(this.objectItems) },
    ]);
    const closing = this.CONSUME(sign('}'));
    return { ...content, span: joinSpans(spanOf(opening), spanOf(closing)) };
  });

  private readonly forObject: () => ForObject = this.RULE('forObject', (): ForObject => {
    this.CONSUME(T.For);
    const clause = this.SUBRULE(this.forClause);
    this.CONSUME(sign(':'));
    const key = this.SUBRULE(this.expression);
    this.CONSUME(sign('=>'));
    const value = this.SUBRULE1(this.expression);
    let group = false;
    this.OPTION(() => {
      this.CONSUME(sign('...'));
      group = true;
    });
    let condition: Expression | null = null;
    this.OPTION1(() => {
      const word = this.CONSUME(T.Ident);
      this.ACTION(() => expectIf(word));
      condition = this.SUBRULE2(this.expression);
    });
    return { type: 'for-object', clause, key, value, group, condition };
  });

  private readonly objectItems: () => ObjectItems = this.RULE('objectItems', (): ObjectItems => {
    const items: ObjectItem[] = [];
    let separated = true;
    this.MANY(() => {
      this.OR([
        {
          ALT: () => {
            this.CONSUME(T.Newline);
            separated = true;
          },
        },
        {
          ALT: () => {
            const comma = this.CONSUME(sign(','));
            this.ACTION(() => {
              if (separated && this.LA(0).tokenType !== T.Newline && items.length === 0)
                throw syntaxProblem('expected a key here, got ","', spanOf(comma));
            });
            separated = true;
          },
        },
        {
          ALT: () => {
            const key = this.SUBRULE(this.expression);
            this.ACTION(() => {
              if (!separated)
                throw syntaxProblem('items of a map are separated by a comma or a new line', key.span, 'add a comma before this key');
            });
            this.OR1([{ ALT: () => this.CONSUME(sign('=')) }, { ALT: () => this.CONSUME(sign(':')) }]);
            const value = this.SUBRULE1(this.expression);
            this.ACTION(() => items.push({ key: objectKey(key), value }));
            separated = false;
          },
        },
      ]);
    });
    return { type: 'object', items };
  });
}
