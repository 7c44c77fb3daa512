// A definition file in JSON → the same syntax tree as HCL. Strings are templates; where blocks are
// expected, objects are blocks and their keys are labels.
import type { SourceFile, Span } from '../../core/span.ts';
import { parseDecimal } from '../cty/big-float.ts';
import { FALSE, NULL, numberValue, TRUE } from '../cty/value.ts';
import { BakeProblem } from '../problem.ts';
import type { Attribute, Block, Body, Expression } from './ast.ts';
import { syntaxProblem } from './build-nodes.ts';
import type { HclParser } from './parse-hcl.ts';
import { type JsonNode, readJson } from './read-json.ts';

/** Labels and nested blocks of each kind of block. */
const BLOCKS: Readonly<Record<string, { readonly labels: number; readonly blocks: readonly string[] }>> = {
  variable: { labels: 1, blocks: ['validation'] },
  validation: { labels: 0, blocks: [] },
  function: { labels: 1, blocks: [] },
  group: { labels: 1, blocks: [] },
  target: { labels: 1, blocks: [] },
};
const TOP = ['variable', 'function', 'group', 'target'];

export function parseJsonBody(file: SourceFile, parser: HclParser): Body {
  try {
    return bodyOf(readJson(file.text), TOP, file, parser);
  } catch (error) {
    throw error instanceof BakeProblem ? error.in(file) : error;
  }
}

function bodyOf(node: JsonNode, blockTypes: readonly string[], file: SourceFile, parser: HclParser): Body {
  const attributes: Attribute[] = [];
  const blocks: Block[] = [];
  for (const object of objectsOf(node)) {
    for (const member of object.members) {
      if (member.name === '//') continue;
      if (blockTypes.includes(member.name)) blocks.push(...blocksOf(member.name, member.nameSpan, member.value, [], file, parser));
      else {
        const expression = attributeValue(member.name, member.value, parser);
        attributes.push({ name: member.name, nameSpan: member.nameSpan, span: member.value.span, expression, file });
      }
    }
  }
  return { attributes, blocks };
}

type JsonObject = Extract<JsonNode, { type: 'object' }>;

/** A body is an object, or a list of objects that are put together. */
function objectsOf(node: JsonNode): readonly JsonObject[] {
  if (node.type === 'object') return [node];
  if (node.type === 'array') return node.items.flatMap(objectsOf);
  throw syntaxProblem('an object is needed here', node.span, 'write { "target": { "NAME": { … } } }');
}

function blocksOf(type: string, typeSpan: Span, node: JsonNode, labels: Block['labels'], file: SourceFile, parser: HclParser): Block[] {
  const kind = BLOCKS[type];
  if (kind === undefined || node.type === 'null') return [];
  if (labels.length < kind.labels) {
    return objectsOf(node).flatMap((object) =>
      object.members.flatMap((member) =>
        blocksOf(type, typeSpan, member.value, [...labels, { text: member.name, span: member.nameSpan }], file, parser),
      ),
    );
  }
  const bodies = node.type === 'array' ? node.items : [node];
  const span = labels.at(-1)?.span ?? typeSpan;
  return bodies.map((body) => ({ type, typeSpan, labels, span, file, body: bodyOf(body, kind.blocks, file, parser) }));
}

/** Types and names of parameters are expressions written as text. */
function attributeValue(name: string, node: JsonNode, parser: HclParser): Expression {
  if ((name === 'type' || name === 'variadic_params') && node.type === 'string')
    return shifted(() => parser.parseExpression(node.value), node.span);
  return expressionOf(node, parser);
}

function expressionOf(node: JsonNode, parser: HclParser): Expression {
  const { span } = node;
  switch (node.type) {
    case 'null':
      return { type: 'literal', value: NULL, span };
    case 'bool':
      return { type: 'literal', value: node.value ? TRUE : FALSE, span };
    case 'number': {
      const number = parseDecimal(node.text);
      if (number === null) throw syntaxProblem('the number is out of range', span);
      return { type: 'literal', value: numberValue(number), span };
    }
    case 'string':
      return templateOf(node.value, span, parser);
    case 'array':
      return { type: 'tuple', items: node.items.map((item) => expressionOf(item, parser)), span };
    case 'object':
      return {
        type: 'object',
        items: node.members.map((member) => ({
          key: templateOf(member.name, member.nameSpan, parser),
          value: expressionOf(member.value, parser),
        })),
        span,
      };
  }
}

const templateOf = (text: string, span: Span, parser: HclParser): Expression => shifted(() => parser.parseTemplate(text, span), span);

/** Spans inside of a template text are those of the whole string, because JSON escapes move them. */
function shifted(body: () => Expression, span: Span): Expression {
  try {
    return relocate(body(), span);
  } catch (error) {
    if (!(error instanceof BakeProblem)) throw error;
    throw new BakeProblem({ ...error.diagnostic, span });
  }
}

function relocate<T>(node: T, span: Span): T {
  if (Array.isArray(node)) return node.map((item) => relocate(item, span)) as T;
  if (node === null || typeof node !== 'object' || node instanceof Map) return node;
  const members = Object.entries(node).map(([name, value]) => [
    name,
    name === 'span' || name === 'nameSpan' ? span : name === 'value' && 'payload' in Object(value) ? value : relocate(value, span),
  ]);
  return Object.fromEntries(members) as T;
}
