// Keys that a map has twice. The YAML parser can say so itself, but compares each key with all before it.
import { BakeProblem, MOST_PROBLEMS, problem } from '../problem.ts';
import type { YamlDocument, YamlNode, YamlPair } from './yaml-port.ts';

/** Problems without a file, in the order of the text. */
export function repeatedKeys(document: YamlDocument): BakeProblem[] {
  const problems: BakeProblem[] = [];
  const pending: (YamlNode | null)[] = [document.contents as YamlNode | null];
  for (let node = pending.pop(); node !== undefined && problems.length < MOST_PROBLEMS; node = pending.pop()) {
    const seen = new Set<unknown>();
    for (const item of node?.items ?? []) {
      pending.push('key' in item ? item.value : item);
      // Merge keys are symbols, and may come several times; keys that are no scalars have no value.
      if (!('key' in item) || typeof item.key.value === 'symbol' || item.key.value === undefined) continue;
      if (seen.has(item.key.value)) problems.push(repeated(item));
      seen.add(item.key.value);
    }
  }
  return problems.toSorted((a, b) => (a.diagnostic.span?.start ?? 0) - (b.diagnostic.span?.start ?? 0));
}

function repeated({ key }: YamlPair): BakeProblem {
  const { range } = key;
  const place = range === undefined || range === null ? {} : { span: { start: range[0], end: range[1] } };
  return new BakeProblem(problem('bake/syntax', `the map has ${JSON.stringify(key.value)} twice`, place));
}
