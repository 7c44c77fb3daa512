// `!reset` and `!override` in compose files: what a file takes away from the files below it.
import type { Path } from './compose-places.ts';
import { type Data, isMap } from './yaml-data.ts';
import type { YamlDocument, YamlNode, YamlPair } from './yaml-port.ts';

export interface MergeMarks {
  /** Gone from this file and from those below. */
  readonly resets: readonly Path[];
  /** What files below say does not count. */
  readonly overrides: readonly Path[];
}

const DEEPEST = 100;

export function marksOf(document: YamlDocument): MergeMarks {
  const resets: Path[] = [];
  const overrides: Path[] = [];
  const walk = (node: YamlNode | null, path: Path): void => {
    if (node === null || path.length > DEEPEST) return;
    if (node.tag === '!reset') resets.push(path);
    else if (node.tag === '!override') overrides.push(path);
    for (const item of node.items ?? []) if (isPair(item)) walk(item.value, [...path, String(item.key.value)]);
  };
  walk(document.contents as YamlNode | null, []);
  return { resets, overrides };
}

const isPair = (item: YamlNode | YamlPair): item is YamlPair => 'key' in item;

/** `data` without what is at the paths; `under` is where `data` is, and other paths do not matter. */
export function withoutPaths(data: Data, paths: readonly Path[], under: Path = []): Data {
  return paths
    .filter((path) => under.every((name, at) => path[at] === name))
    .reduce((left, path) => withoutPath(left, path.slice(under.length)), data);
}

function withoutPath(data: Data, [name, ...rest]: Path): Data {
  if (!isMap(data) || name === undefined || !Object.hasOwn(data, name)) return data;
  const { [name]: value = null, ...others } = data;
  return rest.length === 0 ? others : { ...data, [name]: withoutPath(value, rest) };
}
