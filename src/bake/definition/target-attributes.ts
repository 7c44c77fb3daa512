// Every attribute of a target block: how its value is read into TargetFields. The table also says which
// names are known, for warnings about the others.
import { ATTEST, CACHE, type EntryKind, EXPORT, SECRET, SSH } from '../attributes/entries.ts';
import { EntryProblem, entriesOf } from '../attributes/key-values.ts';
import type { TargetFields } from '../bake-target.ts';
import { convert } from '../cty/convert.ts';
import { BOOL, type CtyType, listOf, mapOf, STRING } from '../cty/types.ts';
import { isEntries, isItems, type Value } from '../cty/value.ts';

export interface AttributeKind {
  readonly field: keyof TargetFields;
  /** Type of the attribute when it is not set. */
  readonly type: CtyType;
  /** `value` is not null. Throws EntryProblem. */
  read(value: Value): TargetFields[keyof TargetFields];
}

function converted(value: Value, type: CtyType): Value {
  const result = convert(value, type);
  if (!result.ok) throw new EntryProblem(result.reason);
  return result.value;
}

export function textsOf(value: Value): readonly string[] {
  const { payload } = converted(value, listOf(STRING));
  if (!isItems(payload)) throw new EntryProblem('list of string required');
  return payload.map((item) => {
    if (item.payload === null) throw new EntryProblem('an element is null');
    return String(item.payload);
  });
}

function pairsOf(value: Value): Map<string, string | null> {
  const { payload } = converted(value, mapOf(STRING));
  if (!isEntries(payload)) throw new EntryProblem('map of string required');
  return new Map([...payload].map(([name, item]) => [name, item.payload === null ? null : String(item.payload)]));
}

const text = (field: keyof TargetFields): AttributeKind => ({
  field,
  type: STRING,
  read: (value) => String(converted(value, STRING).payload),
});
const flag = (field: keyof TargetFields): AttributeKind => ({
  field,
  type: BOOL,
  read: (value) => converted(value, BOOL).payload === true,
});
const texts = (field: keyof TargetFields): AttributeKind => ({ field, type: listOf(STRING), read: textsOf });
const pairs = (field: keyof TargetFields): AttributeKind => ({ field, type: mapOf(STRING), read: pairsOf });
const entries = <T>(field: keyof TargetFields, kind: EntryKind<T>): AttributeKind => ({
  field,
  type: listOf(STRING),
  read: (value) => entriesOf(value, kind.fromText, kind.fromValue) as TargetFields[keyof TargetFields],
});

const contexts: AttributeKind = {
  ...pairs('contexts'),
  read(value) {
    const read = pairsOf(value);
    for (const [name, source] of read) if (source === null) throw new EntryProblem(`element ${JSON.stringify(name)} is null`);
    return read as ReadonlyMap<string, string>;
  },
};

export const TARGET_ATTRIBUTES: ReadonlyMap<string, AttributeKind> = new Map<string, AttributeKind>([
  ['description', text('description')],
  ['inherits', texts('inherits')],
  ['annotations', texts('annotations')],
  ['attest', entries('attest', ATTEST)],
  ['context', text('context')],
  ['contexts', contexts],
  ['dockerfile', text('dockerfile')],
  ['dockerfile-inline', text('dockerfileInline')],
  ['args', pairs('args')],
  ['labels', pairs('labels')],
  ['tags', texts('tags')],
  ['cache-from', entries('cacheFrom', CACHE)],
  ['cache-to', entries('cacheTo', CACHE)],
  ['target', text('target')],
  ['secret', entries('secret', SECRET)],
  ['ssh', entries('ssh', SSH)],
  ['platforms', texts('platforms')],
  ['output', entries('output', EXPORT)],
  ['pull', flag('pull')],
  ['no-cache', flag('noCache')],
  ['network', text('network')],
  ['no-cache-filter', texts('noCacheFilter')],
  ['shm-size', text('shmSize')],
  ['ulimits', texts('ulimits')],
  ['call', text('call')],
  ['entitlements', texts('entitlements')],
  ['extra-hosts', pairs('extraHosts')],
  ['x-tsbuild', pairs('extension')],
]);

/** Attributes of a target block that say what it is called, not how it is built. */
export const MATRIX_ATTRIBUTES: readonly string[] = ['matrix', 'name'];
