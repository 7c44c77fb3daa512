// The one type that values of several types can all be given: what list elements and the two arms of a
// conditional become.
import { type CtyType, DYNAMIC, isPrimitive, STRING, sameType } from './types.ts';

/** null when there is none; such values stay in a tuple or object. */
export function unify(types: readonly CtyType[]): CtyType | null {
  const [first] = types;
  if (first === undefined) return DYNAMIC;
  const typed = types.filter((type) => type.kind !== 'dynamic');
  const [leading] = typed;
  if (leading === undefined) return DYNAMIC;
  if (typed.every((type) => sameType(type, leading))) return leading;
  if (typed.every(isPrimitive)) return typed.some((type) => type.kind === 'string') ? STRING : null;
  if (typed.every((type) => type.kind === 'object' || type.kind === 'map')) return unifyMappings(typed);
  if (typed.every((type) => type.kind === 'tuple' || type.kind === 'list' || type.kind === 'set')) return unifySequences(typed);
  return null;
}

function unifyMappings(types: readonly CtyType[]): CtyType | null {
  if (types.every((type) => type.kind === 'object')) {
    const same = sameShapeObject(types.filter((type) => type.kind === 'object'));
    if (same !== null) return same;
  }
  const element = unify(
    types.flatMap((type) => (type.kind === 'object' ? [...type.attributes.values()] : type.kind === 'map' ? [type.element] : [])),
  );
  return element === null ? null : { kind: 'map', element };
}

/** Objects with the same names unify name by name. */
function sameShapeObject(types: readonly Extract<CtyType, { kind: 'object' }>[]): CtyType | null {
  const [first] = types;
  if (first === undefined || types.some((type) => type.attributes.size !== first.attributes.size)) return null;
  const attributes = new Map<string, CtyType>();
  for (const name of first.attributes.keys()) {
    if (!types.every((type) => type.attributes.has(name))) return null;
    const unified = unify(types.map((type) => type.attributes.get(name) ?? DYNAMIC));
    if (unified === null) return null;
    attributes.set(name, unified);
  }
  return { kind: 'object', attributes };
}

function unifySequences(types: readonly CtyType[]): CtyType | null {
  const tuples = types.filter((type) => type.kind === 'tuple');
  const [first] = tuples;
  if (first !== undefined && tuples.length === types.length && tuples.every((type) => type.items.length === first.items.length)) {
    const items = first.items.map((_, at) => unify(tuples.map((type) => type.items[at] ?? DYNAMIC)));
    if (items.every((item) => item !== null)) return { kind: 'tuple', items };
  }
  const element = unify(
    types.flatMap((type) => (type.kind === 'tuple' ? type.items : type.kind === 'list' || type.kind === 'set' ? [type.element] : [])),
  );
  if (element === null) return null;
  return types.every((type) => type.kind === 'set') ? { kind: 'set', element } : { kind: 'list', element };
}
