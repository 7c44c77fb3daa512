// Types of HCL values (cty): primitives, collections of one element type, and structures that know the
// type of each part. `dynamic` is the type of a bare null and of "any".

export type CtyType =
  | { readonly kind: 'string' | 'number' | 'bool' | 'dynamic' }
  | { readonly kind: 'list' | 'set' | 'map'; readonly element: CtyType }
  | { readonly kind: 'tuple'; readonly items: readonly CtyType[] }
  | { readonly kind: 'object'; readonly attributes: ReadonlyMap<string, CtyType>; readonly optional?: ReadonlySet<string> };

export const STRING: CtyType = { kind: 'string' };
export const NUMBER: CtyType = { kind: 'number' };
export const BOOL: CtyType = { kind: 'bool' };
export const DYNAMIC: CtyType = { kind: 'dynamic' };

export const listOf = (element: CtyType): CtyType => ({ kind: 'list', element });
export const setOf = (element: CtyType): CtyType => ({ kind: 'set', element });
export const mapOf = (element: CtyType): CtyType => ({ kind: 'map', element });

export const isPrimitive = (type: CtyType): boolean => type.kind === 'string' || type.kind === 'number' || type.kind === 'bool';

export function sameType(a: CtyType, b: CtyType): boolean {
  if (a === b) return true;
  switch (a.kind) {
    case 'list':
    case 'set':
    case 'map':
      return a.kind === b.kind && sameType(a.element, b.element);
    case 'tuple':
      return b.kind === 'tuple' && a.items.length === b.items.length && a.items.every((item, at) => sameType(item, b.items[at] ?? DYNAMIC));
    case 'object':
      return (
        b.kind === 'object' &&
        a.attributes.size === b.attributes.size &&
        [...a.attributes].every(([name, type]) => {
          const other = b.attributes.get(name);
          return other !== undefined && sameType(type, other);
        })
      );
    default:
      return a.kind === b.kind;
  }
}

/** As messages name it: `list of string`. */
export function typeName(type: CtyType): string {
  switch (type.kind) {
    case 'list':
    case 'set':
    case 'map':
      return `${type.kind} of ${type.element.kind === 'dynamic' ? 'any type' : typeName(type.element)}`;
    default:
      return type.kind === 'dynamic' ? 'any type' : type.kind;
  }
}

/** As `type =` of a variable is written: `list(string)`. */
export function typeExpression(type: CtyType): string {
  switch (type.kind) {
    case 'list':
    case 'set':
    case 'map':
      return `${type.kind}(${typeExpression(type.element)})`;
    case 'tuple':
      return `tuple([${type.items.map(typeExpression).join(',')}])`;
    case 'object': {
      const names = [...type.attributes.keys()].sort();
      return `object({${names.map((name) => attributeExpression(type, name)).join(',')}})`;
    }
    default:
      return type.kind === 'dynamic' ? 'any' : type.kind;
  }
}

function attributeExpression(type: Extract<CtyType, { kind: 'object' }>, name: string): string {
  const inner = typeExpression(type.attributes.get(name) ?? DYNAMIC);
  return `${name}=${type.optional?.has(name) === true ? `optional(${inner})` : inner}`;
}
