// The meaning of all blocks together: variables with their values, functions, and the attributes of
// groups and targets. Everything is evaluated when first needed and kept; what needs itself is a cycle.
import type { SourceFile } from '../../core/span.ts';
import { convert } from '../cty/convert.ts';
import { DYNAMIC } from '../cty/types.ts';
import { nullOf, objectValue, stringValue, tupleValue, type Value } from '../cty/value.ts';
import { evaluate } from '../eval/evaluate.ts';
import { type BakeFunction, inFile, type Scope, withVariables } from '../eval/scope.ts';
import { standardFunctions } from '../functions/table.ts';
import type { Attribute, Block } from '../hcl/ast.ts';
import { BakeProblem, problem } from '../problem.ts';
import { attributeOf, type Blocks, nameOf, requiredAttribute } from './collect-blocks.ts';
import { TARGET_ATTRIBUTES } from './target-attributes.ts';
import { typeOf } from './type-expression.ts';
import { type Environment, overrideOf, primitiveOverride, typedOverride } from './variable-value.ts';

export interface DefinitionOptions {
  readonly environment: Environment;
  /** BAKE_CMD_CONTEXT and BAKE_LOCAL_PLATFORM. */
  readonly builtins: ReadonlyMap<string, string>;
  /** Current time for timestamp(), RFC 3339 in UTC. */
  readonly now: string;
}

export interface Definition {
  readonly blocks: Blocks;
  /** Scope of expressions outside of any block. */
  scopeIn(file: SourceFile): Scope;
  variable(name: string): Value | null;
}

const NO_FILE: SourceFile = { name: '', text: '' };

export function createDefinition(blocks: Blocks, options: DefinitionOptions): Definition {
  const { scope } = new Evaluation(blocks, options);
  return { blocks, scopeIn: (file) => inFile(scope, file), variable: scope.variable };
}

type NamedKind = 'target' | 'group';

class Evaluation {
  readonly #blocks: Blocks;
  readonly #options: DefinitionOptions;
  /** Several blocks may have one name; later ones add to earlier ones. */
  readonly #named: Readonly<Record<NamedKind, ReadonlyMap<string, readonly Block[]>>>;
  readonly #values = new Map<string, Value>();
  readonly #standard: ReadonlyMap<string, BakeFunction>;
  readonly #functions = new Map<string, BakeFunction>();
  /** What is being evaluated, outermost first. */
  readonly #path: string[] = [];
  readonly scope: Scope;

  constructor(blocks: Blocks, options: DefinitionOptions) {
    this.#blocks = blocks;
    this.#options = options;
    this.#named = { target: Map.groupBy(blocks.targets, nameOf), group: Map.groupBy(blocks.groups, nameOf) };
    this.#standard = standardFunctions({ now: options.now, home: options.environment['HOME'] ?? '/root' });
    this.scope = {
      file: NO_FILE,
      variable: (name) => this.#variable(name),
      blockAttribute: (type, name, attribute) =>
        type === 'target' || type === 'group' ? this.#blockAttribute(type, name, attribute) : null,
      function: (name) => this.#function(name),
      variableNames: () => [...blocks.attributes.keys(), ...blocks.variables.keys(), ...options.builtins.keys()],
      functionNames: () => [...blocks.functions.keys(), ...this.#standard.keys()],
    };
  }

  #variable(name: string): Value | null {
    const attribute = this.#blocks.attributes.get(name);
    if (attribute !== undefined) return this.#attribute(name, attribute);
    const block = this.#blocks.variables.get(name);
    if (block !== undefined) return this.#once(name, block, () => variableValue(block, this.scope, this.#options));
    const builtin = this.#options.builtins.get(name);
    if (builtin !== undefined) return stringValue(builtin);
    return name === 'target' || name === 'group' ? this.#wholeBlocks(name) : null;
  }

  #blockAttribute(type: NamedKind, name: string, attribute: string): Value | null {
    const all = this.#named[type].get(name);
    if (all === undefined) return null;
    const found = all.map((block) => attributeOf(block, attribute)).findLast((one) => one !== null);
    if (found !== undefined && found !== null) return this.#attribute(`${type}.${name}.${attribute}`, found);
    const kind = type === 'target' ? TARGET_ATTRIBUTES.get(attribute) : undefined;
    return kind === undefined ? null : nullOf(kind.type);
  }

  #wholeBlocks(type: NamedKind): Value {
    const entries = [...this.#named[type]].map(([name, all]) => {
      const attributes = new Set(all.flatMap((block) => block.body.attributes.map((attribute) => attribute.name)));
      const values = [...attributes].map(
        (attribute) => [attribute, this.#blockAttribute(type, name, attribute) ?? nullOf(DYNAMIC)] as const,
      );
      return [name, objectValue(new Map(values))] as const;
    });
    return objectValue(new Map(entries));
  }

  #function(name: string): BakeFunction | null {
    const block = this.#blocks.functions.get(name);
    if (block === undefined) return this.#standard.get(name) ?? null;
    const made = this.#functions.get(name) ?? userFunction(block, this.scope);
    this.#functions.set(name, made);
    return made;
  }

  #attribute(name: string, attribute: Attribute): Value {
    return this.#once(name, attribute, () => evaluate(attribute.expression, inFile(this.scope, attribute.file)));
  }

  /** Evaluates once; `name` is how it is shown in a cycle. */
  #once(name: string, place: Attribute | Block, body: () => Value): Value {
    const known = this.#values.get(name);
    if (known !== undefined) return known;
    if (this.#path.includes(name)) throw cycle([...this.#path.slice(this.#path.indexOf(name)), name], place);
    this.#path.push(name);
    try {
      const value = body();
      this.#values.set(name, value);
      return value;
    } finally {
      this.#path.pop();
    }
  }
}

const cycle = (names: readonly string[], place: Attribute | Block): BakeProblem =>
  new BakeProblem(
    problem('bake/cycle', `the value needs itself: ${names.join(' → ')}`, { span: place.span, hint: 'remove one of these references' }),
    place.file,
  );

/** Default, then environment, both by the variable's type. */
function variableValue(block: Block, global: Scope, options: DefinitionOptions): Value {
  const name = nameOf(block);
  const scope = inFile(global, block.file);
  const typeAttribute = attributeOf(block, 'type');
  const preset = attributeOf(block, 'default');
  const inBlock = <R>(attribute: Attribute | null, body: () => R): R => located(attribute, block, body);
  const type = typeAttribute === null ? null : inBlock(typeAttribute, () => typeOf(typeAttribute.expression));
  const override = overrideOf(name, type !== null, options.environment);
  if (type === null) {
    const value = preset === null ? stringValue('') : evaluate(preset.expression, scope);
    return override === null
      ? value
      : inBlock(preset, () => primitiveOverride(name, override.text, value.payload === null ? DYNAMIC : value.type));
  }
  if (override !== null) return inBlock(typeAttribute, () => typedOverride(name, override, type));
  if (preset === null) return nullOf(type);
  const converted = convert(evaluate(preset.expression, scope), type);
  if (converted.ok) return converted.value;
  throw new BakeProblem(
    problem('bake/variable', `the default of ${name} does not fit its type: ${converted.reason}`, { span: preset.expression.span }),
    block.file,
  );
}

/** Problems without a place are about the attribute, or the block. */
function located<R>(attribute: Attribute | null, block: Block, body: () => R): R {
  try {
    return body();
  } catch (error) {
    if (!(error instanceof BakeProblem)) throw error;
    const span = error.diagnostic.span ?? attribute?.expression.span ?? block.span;
    throw new BakeProblem({ ...error.diagnostic, span }, block.file);
  }
}

/** A function block; its body sees its parameters and everything global. */
function userFunction(block: Block, global: Scope): BakeFunction {
  const scope = inFile(global, block.file);
  const names = wordsOf(requiredAttribute(block, 'params'), block.file);
  const variadic = attributeOf(block, 'variadic_params') ?? attributeOf(block, 'variadic_param');
  const [rest] =
    variadic === null ? [] : variadic.expression.type === 'variable' ? [variadic.expression.name] : wordsOf(variadic, block.file);
  const result = requiredAttribute(block, 'result').expression;
  return {
    params: names.map((name) => ({ name, type: DYNAMIC, allowNull: true })),
    ...(rest === undefined ? {} : { variadic: { name: rest, type: DYNAMIC, allowNull: true } }),
    call(args) {
      const variables = new Map(names.map((name, at) => [name, args[at] ?? nullOf(DYNAMIC)] as const));
      if (rest !== undefined) variables.set(rest, tupleValue(args.slice(names.length)));
      return evaluate(result, withVariables(scope, variables));
    },
  };
}

/** `[a, b]`: bare words, or texts in JSON. */
function wordsOf(attribute: Attribute, file: SourceFile): string[] {
  const { expression } = attribute;
  const items = expression.type === 'tuple' ? expression.items : [];
  const words = items.map((item) =>
    item.type === 'variable' ? item.name : item.type === 'literal' && typeof item.value.payload === 'string' ? item.value.payload : null,
  );
  if (expression.type === 'tuple' && words.every((word) => word !== null)) return words;
  throw new BakeProblem(problem('bake/block', `${attribute.name} is a list of names: [a, b]`, { span: expression.span }), file);
}
