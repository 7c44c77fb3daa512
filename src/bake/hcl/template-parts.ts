// The flat parts of a string or heredoc → nested template parts: escapes, trimming with `~`, indentation
// of `<<-`, and the if and for directives.
import type { Span } from '../../core/span.ts';
import { stringValue } from '../cty/value.ts';
import type { Expression, ForClause, TemplatePart } from './ast.ts';
import { syntaxProblem } from './build-nodes.ts';

export type Directive =
  | { readonly word: 'if'; readonly condition: Expression }
  | { readonly word: 'for'; readonly clause: ForClause }
  | { readonly word: 'else' | 'endif' | 'endfor' };

interface Trims {
  readonly trimBefore: boolean;
  readonly trimAfter: boolean;
  readonly span: Span;
}

export type RawPart =
  | { readonly type: 'text'; readonly text: string; readonly span: Span }
  | ({ readonly type: 'value'; readonly expression: Expression } & Trims)
  | ({ readonly type: 'control'; readonly directive: Directive } & Trims);

/** 'flush' is a heredoc whose common indentation is taken off. */
export type TemplateForm = 'quoted' | 'heredoc' | 'flush';

export function templateParts(raw: readonly RawPart[], form: TemplateForm): readonly TemplatePart[] {
  const trimmed = trimTexts(raw, form === 'quoted');
  return nest(form === 'flush' ? withoutIndent(trimmed) : trimmed);
}

/** A template of one text is that text; `"${x}"` is x itself. */
export function wholeText(parts: readonly TemplatePart[], span: Span): Expression {
  const [only] = parts;
  if (only === undefined) return { type: 'literal', value: stringValue(''), span };
  if (parts.length === 1 && only.type === 'value') return { type: 'wrapped', inner: only.expression, span };
  if (parts.every((part) => part.type === 'text'))
    return { type: 'literal', value: stringValue(parts.map((part) => part.text).join('')), span };
  return { type: 'template', parts, span };
}

const trimStart = (text: string): string => text.replace(/^[\s\u0085]+/u, '');
const trimEnd = (text: string): string => {
  let end = text.length;
  while (end > 0 && /[\s\u0085]/u.test(text.charAt(end - 1))) end -= 1;
  return text.slice(0, end);
};

/** Unescapes, then `${~` eats the blanks of the text before it and `~}` those of the text after it. */
function trimTexts(raw: readonly RawPart[], quoted: boolean): RawPart[] {
  return raw.map((part, at) => {
    if (part.type !== 'text') return part;
    const before = raw[at - 1];
    const after = raw[at + 1];
    let text = unescapeText(part.text, quoted, part.span);
    if (before !== undefined && before.type !== 'text' && before.trimAfter) text = trimStart(text);
    if (after !== undefined && after.type !== 'text' && after.trimBefore) text = trimEnd(text);
    return { ...part, text };
  });
}

/** Each text is one line or the rest of one; the least indentation of any line is taken off all. */
function withoutIndent(parts: readonly RawPart[]): RawPart[] {
  let least = Number.POSITIVE_INFINITY;
  let lineStart = true;
  const starts = new Set<RawPart>();
  for (const part of parts) {
    if (lineStart && part.type === 'text') {
      // A line of blanks alone neither counts nor changes.
      if (part.text.endsWith('\n') && part.text.trim() === '') continue;
      least = Math.min(least, part.text.length - trimStart(part.text).length);
      starts.add(part);
    } else if (lineStart) least = 0;
    lineStart = part.type === 'text' && part.text.endsWith('\n');
  }
  return parts.map((part) => (part.type === 'text' && starts.has(part) ? { ...part, text: part.text.slice(least) } : part));
}

const ESCAPES: Readonly<Record<string, string>> = { n: '\n', r: '\r', t: '\t', '"': '"', '\\': '\\' };

/** `\n` and such in quoted strings; `$${` and `%%{` everywhere. */
export function unescapeText(text: string, quoted: boolean, span: Span): string {
  const pattern = quoted ? /\\(u[0-9a-fA-F]{4}|U[0-9a-fA-F]{8}|[\s\S]|$)|\$\$\{|%%\{/g : /\$\$\{|%%\{/g;
  return text.replace(pattern, (whole: string, sequence: string | undefined, at: number) => {
    if (!quoted || sequence === undefined) return whole.slice(1);
    const plain = ESCAPES[sequence];
    if (plain !== undefined) return plain;
    const code = sequence.length > 1 ? Number.parseInt(sequence.slice(1), 16) : Number.NaN;
    if (code <= 0x10ffff) return String.fromCodePoint(code);
    const place = { start: span.start + at, end: span.start + at + whole.length };
    throw syntaxProblem(
      `${JSON.stringify(whole)} is not an escape sequence`,
      place,
      'known are \\n \\r \\t \\" \\\\ \\uNNNN \\UNNNNNNNN; write \\\\ for a backslash',
    );
  });
}

interface Open {
  readonly type: 'if' | 'for';
  readonly span: Span;
  readonly directive: Directive;
  readonly parts: TemplatePart[];
  otherwise: TemplatePart[] | null;
}

/** Puts what is between `%{ if }` and `%{ endif }`, `%{ for }` and `%{ endfor }` into one part. */
function nest(parts: readonly RawPart[]): readonly TemplatePart[] {
  const result: TemplatePart[] = [];
  const open: Open[] = [];
  const into = (): TemplatePart[] => {
    const top = open.at(-1);
    return top === undefined ? result : (top.otherwise ?? top.parts);
  };
  for (const part of parts) {
    if (part.type === 'text') {
      if (part.text !== '') into().push(part);
    } else if (part.type === 'value') into().push({ type: 'value', expression: part.expression, span: part.span });
    else if (part.directive.word === 'if' || part.directive.word === 'for') {
      open.push({ type: part.directive.word, span: part.span, directive: part.directive, parts: [], otherwise: null });
    } else closeDirective(part.directive.word, part.span, open, into);
  }
  const left = open.at(-1);
  if (left !== undefined) throw syntaxProblem(`%{ ${left.type} } is not closed`, left.span, `end it with %{ end${left.type} }`);
  return result;
}

function closeDirective(word: 'else' | 'endif' | 'endfor', span: Span, open: Open[], into: () => TemplatePart[]): void {
  const top = open.at(-1);
  const wanted = word === 'endfor' ? 'for' : 'if';
  if (top?.type !== wanted || (word === 'else' && top.otherwise !== null))
    throw syntaxProblem(`%{ ${word} } without %{ ${wanted} } before it`, span);
  if (word === 'else') {
    top.otherwise = [];
    return;
  }
  open.pop();
  if (top.directive.word === 'if')
    into().push({ type: 'if', condition: top.directive.condition, yes: top.parts, no: top.otherwise ?? [], span: top.span });
  if (top.directive.word === 'for') into().push({ type: 'for', clause: top.directive.clause, body: top.parts, span: top.span });
}
