// Putting compose files, and a service and what it extends, together: maps merge, most lists grow, and
// everything else is replaced.
import { type Data, type DataMap, isList, isMap } from './yaml-data.ts';

/** Lists of `NAME=VALUE` that merge as maps, with their separators. */
const PAIR_LISTS: Readonly<Record<string, string>> = {
  args: '=',
  labels: '=',
  additional_contexts: '=',
  environment: '=',
  extra_hosts: '=:',
};
/** Lists that are replaced as a whole. */
const REPLACED = ['command', 'entrypoint'];

export function mergeCompose(base: Data, over: Data, key = ''): Data {
  if (over === null) return base;
  if (base === null) return over;
  const separators = PAIR_LISTS[key];
  if (separators !== undefined) return { ...pairsOf(base, separators), ...pairsOf(over, separators) };
  if (key === 'build' && (typeof base === 'string' || typeof over === 'string')) return mergeCompose(buildMap(base), buildMap(over), key);
  if (isMap(base) && isMap(over)) {
    const merged: Record<string, Data> = { ...base };
    for (const [name, value] of Object.entries(over))
      merged[name] = Object.hasOwn(merged, name) ? mergeCompose(merged[name] ?? null, value, name) : value;
    return merged;
  }
  if (isList(base) && isList(over) && !REPLACED.includes(key)) return distinct([...base, ...over]);
  return over;
}

const buildMap = (data: Data): Data => (typeof data === 'string' ? { context: data } : data);

function distinct(items: readonly Data[]): readonly Data[] {
  const seen = new Set<string>();
  return items.filter((item) => {
    const id = JSON.stringify(item);
    if (seen.has(id)) return false;
    seen.add(id);
    return true;
  });
}

/** `[A=1, B]` or `{A: 1, B: null}` as a map; a name alone has no value. */
export function pairsOf(data: Data | undefined, separators = '='): DataMap {
  if (isMap(data)) return data;
  if (!isList(data)) return {};
  return Object.fromEntries(
    data.map((item) => {
      const text = String(item);
      const at = [...text].findIndex((char) => separators.includes(char));
      return at === -1 ? [text, null] : [text.slice(0, at), text.slice(at + 1)];
    }),
  );
}
