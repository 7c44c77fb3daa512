// Syntax tree of a definition file, the same for HCL and JSON. Expressions are evaluated only when
// something asks for their value.
import type { SourceFile, Span } from '../../core/span.ts';
import type { Value } from '../cty/value.ts';

export type BinaryOperator = '||' | '&&' | '==' | '!=' | '<' | '<=' | '>' | '>=' | '+' | '-' | '*' | '/' | '%';

export type Step =
  | { readonly type: 'attribute'; readonly name: string; readonly span: Span }
  | { readonly type: 'index'; readonly key: Expression; readonly span: Span };

export interface ForClause {
  readonly key: string | null;
  readonly item: string;
  readonly collection: Expression;
}

export interface ObjectItem {
  readonly key: Expression;
  readonly value: Expression;
}

export type Expression = { readonly span: Span } & (
  | { readonly type: 'literal'; readonly value: Value }
  | { readonly type: 'template'; readonly parts: readonly TemplatePart[] }
  /** `"${x}"` alone keeps the type of x. */
  | { readonly type: 'wrapped'; readonly inner: Expression }
  | { readonly type: 'parens'; readonly inner: Expression }
  | { readonly type: 'variable'; readonly name: string }
  | { readonly type: 'step'; readonly of: Expression; readonly step: Step }
  | { readonly type: 'splat'; readonly of: Expression; readonly steps: readonly Step[]; readonly attributesOnly: boolean }
  | {
      readonly type: 'call';
      readonly name: string;
      readonly nameSpan: Span;
      readonly args: readonly Expression[];
      readonly expand: boolean;
    }
  | { readonly type: 'tuple'; readonly items: readonly Expression[] }
  | { readonly type: 'object'; readonly items: readonly ObjectItem[] }
  | { readonly type: 'for-tuple'; readonly clause: ForClause; readonly value: Expression; readonly condition: Expression | null }
  | {
      readonly type: 'for-object';
      readonly clause: ForClause;
      readonly key: Expression;
      readonly value: Expression;
      readonly group: boolean;
      readonly condition: Expression | null;
    }
  | { readonly type: 'conditional'; readonly condition: Expression; readonly yes: Expression; readonly no: Expression }
  | { readonly type: 'binary'; readonly operator: BinaryOperator; readonly left: Expression; readonly right: Expression }
  | { readonly type: 'unary'; readonly operator: '-' | '!'; readonly operand: Expression }
);

export type TemplatePart =
  | { readonly type: 'text'; readonly text: string; readonly span: Span }
  | { readonly type: 'value'; readonly expression: Expression; readonly span: Span }
  | {
      readonly type: 'if';
      readonly condition: Expression;
      readonly yes: readonly TemplatePart[];
      readonly no: readonly TemplatePart[];
      readonly span: Span;
    }
  | { readonly type: 'for'; readonly clause: ForClause; readonly body: readonly TemplatePart[]; readonly span: Span };

export interface Attribute {
  readonly name: string;
  readonly nameSpan: Span;
  readonly span: Span;
  readonly expression: Expression;
  readonly file: SourceFile;
}

export interface Block {
  readonly type: string;
  readonly typeSpan: Span;
  readonly labels: readonly { readonly text: string; readonly span: Span }[];
  readonly body: Body;
  /** From the type to the opening brace. */
  readonly span: Span;
  readonly file: SourceFile;
}

export interface Body {
  readonly attributes: readonly Attribute[];
  readonly blocks: readonly Block[];
}
