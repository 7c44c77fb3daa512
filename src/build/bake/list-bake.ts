// `bake --list`: the targets and groups, or the variables, that definition files have, in the members
// that `docker buildx bake --list` writes.
import { encodeJson } from '../../bake/cty/json.ts';
import { typeName } from '../../bake/cty/types.ts';
import { compareText } from '../../bake/cty/value.ts';
import { attributeOf } from '../../bake/definition/collect-blocks.ts';
import { typeOf } from '../../bake/definition/type-expression.ts';
import type { LoadedBake } from '../../bake/resolve-bake.ts';

export interface ListedTarget {
  readonly name: string;
  readonly description?: string;
  readonly group?: true;
}

export interface ListedVariable {
  readonly name: string;
  readonly description?: string;
  readonly type?: string;
  readonly value?: string;
}

const described = (description: string | undefined): { readonly description?: string } =>
  description === undefined || description === '' ? {} : { description };

/** Groups, described by their members, and targets, by name. */
export function listTargets({ config }: LoadedBake): ListedTarget[] {
  const groups: ListedTarget[] = [...config.groups.values()].map((group) => {
    const members = group.targets.join(', ');
    return { name: group.name, ...described(group.description === undefined ? members : `${group.description} (${members})`), group: true };
  });
  const targets = [...config.targets]
    .filter(([name]) => !config.groups.has(name))
    .map(([name, fields]) => ({ name, ...described(fields.description) }));
  return [...groups, ...targets].sort((a, b) => compareText(a.name, b.name));
}

/** With the values that they have here and now. */
export function listVariables({ definition }: LoadedBake): ListedVariable[] {
  return [...definition.blocks.variables]
    .sort(([a], [b]) => compareText(a, b))
    .map(([name, block]) => {
      const value = definition.variable(name);
      const type = attributeOf(block, 'type');
      const description = attributeOf(block, 'description')?.expression;
      const text = description?.type === 'literal' && typeof description.value.payload === 'string' ? description.value.payload : undefined;
      return {
        name,
        ...described(text),
        ...(type === null ? {} : { type: typeName(typeOf(type.expression)) }),
        ...(value === null || value.payload === null
          ? {}
          : { value: typeof value.payload === 'string' ? value.payload : encodeJson(value) }),
      };
    });
}
