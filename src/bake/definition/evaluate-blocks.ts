// group and target blocks → Config. A target with a matrix becomes one target per combination, and a
// group of its name that holds them.
import { EntryProblem } from '../attributes/key-values.ts';
import type { TargetFields } from '../bake-target.ts';
import { convert } from '../cty/convert.ts';
import { STRING } from '../cty/types.ts';
import { compareText, isEntries, isItems, type Value } from '../cty/value.ts';
import { evaluate } from '../eval/evaluate.ts';
import { type Scope, withVariables } from '../eval/scope.ts';
import type { Attribute, Block } from '../hcl/ast.ts';
import { BakeProblem, problem } from '../problem.ts';
import { attributeOf, badName, nameOf, requiredAttribute, VALID_NAME } from './collect-blocks.ts';
import { addTarget, type Config } from './config.ts';
import type { Definition } from './definition.ts';
import { TARGET_ATTRIBUTES, textsOf } from './target-attributes.ts';

/** More combinations than this are a mistake. */
const MOST_COMBINATIONS = 10_000;

export function evaluateBlocks(definition: Definition, config: Config): void {
  const renamed = new Map<string, string[]>();
  for (const block of definition.blocks.targets) {
    for (const { name, scope } of instancesOf(block, definition)) {
      addTarget(config, name, targetFields(block, scope), { file: block.file, span: block.span });
      if (name !== nameOf(block)) renamed.set(nameOf(block), [...(renamed.get(nameOf(block)) ?? []), name]);
    }
  }
  for (const block of definition.blocks.groups) {
    config.groups.set(nameOf(block), groupOf(block, definition));
    config.groupPlaces.set(nameOf(block), { file: block.file, span: block.span });
  }
  for (const [name, targets] of renamed) {
    if (!config.groups.has(name)) config.groups.set(name, { name, targets: [...new Set(targets)] });
  }
}

function groupOf(block: Block, definition: Definition): { name: string; description?: string; targets: readonly string[] } {
  const scope = definition.scopeIn(block.file);
  const matrix = attributeOf(block, 'matrix');
  if (matrix !== null) {
    const place = { span: matrix.nameSpan, hint: 'a target with a matrix makes a group of its name' };
    throw new BakeProblem(problem('bake/block', 'a group has no matrix', place), block.file);
  }
  const targets = requiredAttribute(block, 'targets');
  const description = attributeOf(block, 'description');
  const text =
    description === null
      ? null
      : readAttribute(description, scope, (value) => textsOf({ type: { kind: 'tuple', items: [value.type] }, payload: [value] })[0] ?? '');
  return {
    name: nameOf(block),
    ...(text === null || text === '' ? {} : { description: text }),
    targets: [...new Set(readAttribute(targets, scope, textsOf) ?? [])],
  };
}

function readAttribute<T>(attribute: Attribute, scope: Scope, read: (value: Value) => T): T | null {
  const value = evaluate(attribute.expression, scope);
  if (value.payload === null) return null;
  try {
    return read(value);
  } catch (error) {
    if (!(error instanceof EntryProblem)) throw error;
    throw new BakeProblem(
      problem('bake/attribute', `${attribute.name}: ${error.message}`, { span: attribute.expression.span }),
      attribute.file,
    );
  }
}

function targetFields(block: Block, scope: Scope): TargetFields {
  const fields: Record<string, unknown> = {};
  for (const attribute of block.body.attributes) {
    const kind = TARGET_ATTRIBUTES.get(attribute.name);
    if (kind === undefined) continue;
    const value = readAttribute(attribute, scope, (read) => kind.read(read));
    if (value !== null) fields[kind.field] = value;
  }
  return fields;
}

interface Instance {
  readonly name: string;
  readonly scope: Scope;
}

function instancesOf(block: Block, definition: Definition): Instance[] {
  const scope = definition.scopeIn(block.file);
  const matrix = attributeOf(block, 'matrix');
  const name = attributeOf(block, 'name');
  if (matrix === null) {
    if (name === null) return [{ name: nameOf(block), scope }];
    throw new BakeProblem(
      problem('bake/matrix', 'name is only for targets with a matrix', { span: name.span, hint: 'the label of the block is its name' }),
      block.file,
    );
  }
  const instances = combinations(matrix, scope).map((variables) => {
    const inner = withVariables(scope, variables);
    return { name: name === null ? nameOf(block) : instanceName(name, inner), scope: inner };
  });
  refuseRepeated(instances, name ?? matrix);
  return instances;
}

function instanceName(attribute: Attribute, scope: Scope): string {
  const text = convert(evaluate(attribute.expression, scope), STRING);
  if (!text.ok || text.value.payload === null) {
    throw new BakeProblem(
      problem('bake/matrix', `the name is no text: ${text.ok ? 'it is null' : text.reason}`, { span: attribute.expression.span }),
      attribute.file,
    );
  }
  const name = String(text.value.payload);
  if (!VALID_NAME.test(name)) throw badName(name, attribute.expression.span, attribute.file);
  return name;
}

function refuseRepeated(instances: readonly Instance[], place: Attribute): void {
  const seen = new Set<string>();
  for (const { name } of instances) {
    if (seen.has(name)) {
      const hint = 'add a name that has every variable of the matrix in it, like name = "app-${variant}"';
      throw new BakeProblem(
        problem('bake/matrix', `two combinations of the matrix are named ${JSON.stringify(name)}`, { span: place.span, hint }),
        place.file,
      );
    }
    seen.add(name);
  }
}

/** Every combination, the first name (in order of the alphabet) changing fastest. */
function combinations(matrix: Attribute, scope: Scope): ReadonlyMap<string, Value>[] {
  const fail = (message: string): never => {
    throw new BakeProblem(
      problem('bake/matrix', message, { span: matrix.expression.span, hint: 'write matrix = { NAME = [VALUE, …] }' }),
      matrix.file,
    );
  };
  const { payload } = evaluate(matrix.expression, scope);
  if (!isEntries(payload)) return fail('a matrix is a map of lists');
  let all: ReadonlyMap<string, Value>[] = [new Map()];
  for (const [name, list] of [...payload].sort(([a], [b]) => compareText(a, b))) {
    const items = isItems(list.payload) ? list.payload : fail(`${name} of the matrix is not a list`);
    if (all.length * items.length > MOST_COMBINATIONS) return fail(`the matrix has more than ${MOST_COMBINATIONS} combinations`);
    const before = all;
    all = items.flatMap((item) => before.map((variables) => new Map([...variables, [name, item]])));
  }
  return all;
}
