// A syntax tree as short indented text for golden files: kinds, spans as line:column, words as parts.
import { lineStarts, positionAt, type Span } from '../../src/core/span.ts';
import type { DockerfileAst, Modifier, Word, WordPart } from '../../src/parser/ast.ts';

type Place = (span: Span) => string;
type Fields = Readonly<Record<string, unknown>>;

export function astText(ast: DockerfileAst): string {
  const starts = lineStarts(ast.file);
  const place: Place = (span) => {
    const from = positionAt(starts, span.start);
    const to = positionAt(starts, span.end);
    return `${from.line}:${from.column}-${to.line}:${to.column}`;
  };
  const lines = ast.directives.map((directive) => `# ${directive.name} = ${JSON.stringify(directive.value)} ${place(directive.valueSpan)}`);
  for (const { kind, span, keyword, comments, original, ...fields } of ast.instructions) {
    lines.push(...comments.map((comment) => `${comment.attached ? '//' : '// apart:'} ${comment.text} ${place(comment.span)}`));
    lines.push(`${kind} ${place(span)} ${keyword.text} ${place(keyword.span)}`, `  = ${JSON.stringify(original)}`);
    for (const [name, value] of Object.entries(fields)) lines.push(...valueLines(name, value, place, '  '));
  }
  return `${lines.join('\n')}\n`;
}

function valueLines(name: string, value: unknown, place: Place, indent: string): string[] {
  if (value === undefined) return [];
  if (Array.isArray(value)) {
    if (value.every((item) => typeof item === 'string')) return [`${indent}${name}: ${JSON.stringify(value)}`];
    return value.flatMap((item, index) => valueLines(`${name}[${index}]`, item, place, indent));
  }
  if (typeof value !== 'object' || value === null) return [`${indent}${name}: ${JSON.stringify(value)}`];
  if (isWord(value)) return [`${indent}${name}: ${wordText(value)} ${place(value.span)}`];
  const { span, ...fields } = value as Fields & { span?: Span };
  if ('start' in value && 'end' in value) return [`${indent}${name}: ${place(value as Span)}`];
  const where = span === undefined ? '' : ` ${place(span)}`;
  if (Object.keys(fields).length === 1 && 'text' in fields) return [`${indent}${name}: ${JSON.stringify(fields['text'])}${where}`];
  return [`${indent}${name}:${where}`, ...Object.entries(fields).flatMap(([key, field]) => valueLines(key, field, place, `${indent}  `))];
}

const isWord = (value: object): value is Word => 'raw' in value && 'parts' in value;

/** Literals unquoted as they are in `'…'`, quoted in `"…"`; variables as written, `"` after them when quoted. */
export const wordText = (word: Word): string => (word.parts.length === 0 ? "''" : word.parts.map(partText).join(' '));

function partText(part: WordPart): string {
  if (part.type === 'invalid') return `!(${part.message})`;
  if (part.type === 'literal') return part.quoted ? JSON.stringify(part.text) : `'${JSON.stringify(part.text).slice(1, -1)}'`;
  const modifier = part.modifier === undefined ? '' : modifierText(part.modifier);
  return `\${${part.name}${modifier}}${part.quoted ? '"' : ''}`;
}

function modifierText(modifier: Modifier): string {
  switch (modifier.type) {
    case 'default':
      return `${modifier.colon ? ':' : ''}- ${wordText(modifier.word)}`;
    case 'alternate':
      return `${modifier.colon ? ':' : ''}+ ${wordText(modifier.word)}`;
    case 'require':
      return `${modifier.colon ? ':' : ''}? ${wordText(modifier.word)}`;
    case 'remove':
      return ` ${modifier.longest ? 'longest' : 'shortest'} ${modifier.side} ${wordText(modifier.pattern)}`;
    case 'replace':
      return ` ${modifier.all ? 'all' : 'first'} ${wordText(modifier.pattern)} by ${wordText(modifier.replacement)}`;
  }
}
