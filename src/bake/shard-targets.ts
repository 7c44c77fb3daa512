// Divides targets among the processes of a CI matrix. The processes do not talk to each other, so that the
// same input gives the same parts: the longest targets first, each where it is done soonest. What a
// target has as context is built wherever it is needed, and counts once for each part that needs it.
import type { BakeTarget } from './bake-target.ts';
import { compareText } from './cty/value.ts';
import { linkedName } from './target-graph.ts';

export interface ShardOptions {
  /** With all that are contexts of others. */
  readonly targets: readonly BakeTarget[];
  /** To be divided. */
  readonly names: readonly string[];
  readonly shards: number;
  /** Milliseconds of single targets, without their contexts; others count as the median. */
  readonly durations: ReadonlyMap<string, number>;
}

/** A part may have this much more to do when that spares building a context twice. */
const SLACK = 1.1;

/** One list for each shard, in the order of `names`; every name is in exactly one. */
export function shardTargets({ targets, names, shards, durations }: ShardOptions): readonly (readonly string[])[] {
  const needs = neededBy(targets);
  const usual = median([...durations].filter(([name]) => needs.has(name)).map(([, value]) => value));
  const cost = (name: string): number => Math.max(1, durations.get(name) ?? usual);
  const whole = (name: string): number => [...(needs.get(name) ?? [name])].reduce((sum, needed) => sum + cost(needed), 0);
  const parts = Array.from({ length: shards }, () => ({ load: 0, built: new Set<string>(), names: new Set<string>() }));
  for (const name of [...new Set(names)].sort((a, b) => whole(b) - whole(a) || compareText(a, b))) {
    const choices = parts.map((part) => {
      const added = [...(needs.get(name) ?? [name])].filter((needed) => !part.built.has(needed));
      const work = added.reduce((sum, needed) => sum + cost(needed), 0);
      return { part, added, work, load: part.load + work };
    });
    const limit = SLACK * Math.min(...choices.map(({ load }) => load));
    const [best] = choices.filter(({ load }) => load <= limit).sort((a, b) => a.work - b.work || a.load - b.load);
    if (best === undefined) break;
    best.part.load = best.load;
    best.part.names.add(name);
    for (const needed of best.added) best.part.built.add(needed);
  }
  return parts.map((part) => names.filter((name) => part.names.has(name)));
}

/** Each target with itself and everything it needs, however far away. */
function neededBy(targets: readonly BakeTarget[]): ReadonlyMap<string, ReadonlySet<string>> {
  const direct = new Map(
    targets.map((target) => [target.name, [...(target.contexts?.values() ?? [])].flatMap((source) => linkedName(source) ?? [])]),
  );
  const all = new Map<string, ReadonlySet<string>>();
  for (const { name } of targets) {
    const found = new Set([name]);
    for (const needed of found) for (const next of direct.get(needed) ?? []) found.add(next);
    all.set(name, found);
  }
  return all;
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? 1;
}
