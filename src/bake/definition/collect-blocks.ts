// The blocks of all files by kind, with their labels checked, and warnings for what bake does not know.
import type { SourceFile, Span } from '../../core/span.ts';
import { suggest } from '../../core/suggest.ts';
import type { Attribute, Block, Body } from '../hcl/ast.ts';
import { type BakeDiagnostic, BakeProblem, problem } from '../problem.ts';
import { MATRIX_ATTRIBUTES, TARGET_ATTRIBUTES } from './target-attributes.ts';

export interface Blocks {
  /** Arguments outside of blocks: variables that the environment does not change. A later file wins. */
  readonly attributes: ReadonlyMap<string, Attribute>;
  readonly variables: ReadonlyMap<string, Block>;
  readonly functions: ReadonlyMap<string, Block>;
  readonly groups: readonly Block[];
  readonly targets: readonly Block[];
  readonly warnings: readonly BakeDiagnostic[];
}

const KNOWN: Readonly<Record<string, { readonly attributes: readonly string[]; readonly blocks: readonly string[] }>> = {
  variable: { attributes: ['default', 'type', 'description'], blocks: ['validation'] },
  validation: { attributes: ['condition', 'error_message'], blocks: [] },
  function: { attributes: ['params', 'variadic_params', 'variadic_param', 'result'], blocks: [] },
  group: { attributes: ['targets', 'description', 'name', 'matrix'], blocks: [] },
  target: { attributes: [...TARGET_ATTRIBUTES.keys(), ...MATRIX_ATTRIBUTES], blocks: [] },
};
const TOP = ['variable', 'function', 'group', 'target'];

export const VALID_NAME = /^[a-zA-Z0-9_-]+$/;

export function collectBlocks(bodies: readonly Body[]): Blocks {
  const attributes = new Map<string, Attribute>();
  const variables = new Map<string, Block>();
  const functions = new Map<string, Block>();
  const groups: Block[] = [];
  const targets: Block[] = [];
  const warnings: BakeDiagnostic[] = [];
  for (const body of bodies) {
    refuseRepeated(body.attributes);
    for (const attribute of body.attributes) attributes.set(attribute.name, attribute);
    for (const block of body.blocks) {
      if (!TOP.includes(block.type)) {
        warnings.push(unknown(block.type, block.typeSpan, block.file, 'block', TOP));
        continue;
      }
      const name = labelOf(block);
      checkBody(block, warnings);
      if (block.type === 'variable') variables.set(name, block);
      else if (block.type === 'function') functions.set(name, block);
      else if (block.type === 'group') groups.push(block);
      else targets.push(block);
    }
  }
  return { attributes, variables, functions, groups, targets, warnings };
}

export const nameOf = (block: Block): string => block.labels[0]?.text ?? '';

function labelOf(block: Block): string {
  const [label] = block.labels;
  if (label === undefined || block.labels.length > 1) {
    const message = `a ${block.type} block has one label, its name`;
    throw new BakeProblem(
      problem('bake/block', message, { span: block.labels[1]?.span ?? block.typeSpan, hint: `write ${block.type} "NAME" { … }` }),
      block.file,
    );
  }
  if ((block.type === 'target' || block.type === 'group') && !VALID_NAME.test(label.text))
    throw badName(label.text, label.span, block.file);
  return label.text;
}

export const badName = (name: string, span: Span, file: SourceFile): BakeProblem =>
  new BakeProblem(
    problem('bake/block', `${JSON.stringify(name)} is no name of a target or group`, {
      span,
      hint: 'names are letters, digits, "_" and "-"; sanitize() makes one of any text',
    }),
    file,
  );

function checkBody(block: Block, warnings: BakeDiagnostic[]): void {
  const known = KNOWN[block.type];
  if (known === undefined) return;
  refuseRepeated(block.body.attributes);
  for (const attribute of block.body.attributes) {
    if (!known.attributes.includes(attribute.name))
      warnings.push(unknown(attribute.name, attribute.nameSpan, block.file, 'attribute', known.attributes));
  }
  for (const inner of block.body.blocks) {
    if (known.blocks.includes(inner.type)) checkBody(inner, warnings);
    else warnings.push(unknown(inner.type, inner.typeSpan, block.file, 'block', [...known.blocks, ...known.attributes]));
  }
}

function refuseRepeated(attributes: readonly Attribute[]): void {
  const seen = new Map<string, Attribute>();
  for (const attribute of attributes) {
    const first = seen.get(attribute.name);
    if (first !== undefined) {
      const place = { span: attribute.nameSpan, labels: [{ span: first.nameSpan, text: 'first here' }] };
      throw new BakeProblem(problem('bake/block', `${attribute.name} is set twice`, place), attribute.file);
    }
    seen.set(attribute.name, attribute);
  }
}

function unknown(name: string, span: Span, file: SourceFile, kind: string, candidates: readonly string[]): BakeDiagnostic {
  const near = suggest(name, candidates);
  const hint = near === null ? 'it has no effect' : `it has no effect; did you mean ${near}?`;
  return {
    diagnostic: problem('bake/unknown-attribute', `unknown ${kind} ${JSON.stringify(name)}`, { span, hint, severity: 'warning' }),
    file,
  };
}

/** The attribute `name` of a block, or null. */
export const attributeOf = (block: Block, name: string): Attribute | null =>
  block.body.attributes.find((attribute) => attribute.name === name) ?? null;

export function requiredAttribute(block: Block, name: string): Attribute {
  const found = attributeOf(block, name);
  if (found !== null) return found;
  throw new BakeProblem(
    problem('bake/block', `the ${block.type} block has no ${name}`, { span: block.span, hint: `add ${name} = …` }),
    block.file,
  );
}
