// Laws of --shard: processes that do not talk to each other divide targets completely and alike.
import fc from 'fast-check';
import { expect, it } from 'vitest';
import type { BakeTarget } from '../../src/bake/bake-target.ts';
import { shardTargets } from '../../src/bake/shard-targets.ts';

const target = (name: string, needs: readonly string[] = []): BakeTarget => ({
  name,
  context: '.',
  dockerfile: 'Dockerfile',
  linked: false,
  contexts: new Map(needs.map((needed) => [needed, `target:${needed}`])),
});

/** Each may need some of those before it. */
const graph = fc.array(fc.array(fc.nat(20), { maxLength: 2 }), { minLength: 1, maxLength: 20 }).map((needs) =>
  needs.map((before, at) =>
    target(
      `t${at}`,
      before.filter((other) => other < at).map((other) => `t${other}`),
    ),
  ),
);
const durations = fc
  .dictionary(
    fc.nat(20).map((at) => `t${at}`),
    fc.nat(100_000),
  )
  .map((entries) => new Map(Object.entries(entries)));

it('every target is in exactly one shard, whatever the order', () => {
  fc.assert(
    fc.property(graph, durations, fc.integer({ min: 1, max: 9 }), fc.infiniteStream(fc.nat()), (targets, known, shards, random) => {
      const names = targets.map(({ name }) => name).filter((_, at) => at % 4 !== 3);
      const parts = shardTargets({ targets, names, shards, durations: known });
      expect(parts).toHaveLength(shards);
      expect(parts.flat().toSorted()).toEqual(names.toSorted());
      const shuffled = names.map((name) => [random.next().value, name] as const).sort(([a], [b]) => a - b);
      const again = shardTargets({ targets: targets.toReversed(), names: shuffled.map(([, name]) => name), shards, durations: known });
      expect(again.map((part) => part.toSorted())).toEqual(parts.map((part) => part.toSorted()));
    }),
  );
});

it('no shard has much more to do than its share and the longest target', () => {
  fc.assert(
    fc.property(
      fc.array(fc.integer({ min: 1, max: 1000 }), { minLength: 1, maxLength: 40 }),
      fc.integer({ min: 1, max: 8 }),
      (costs, shards) => {
        const names = costs.map((_, at) => `t${at}`);
        const known = new Map(names.map((name, at) => [name, costs[at] ?? 0]));
        const parts = shardTargets({ targets: names.map((name) => target(name)), names, shards, durations: known });
        const loads = parts.map((part) => part.reduce((sum, name) => sum + (known.get(name) ?? 0), 0));
        const total = costs.reduce((sum, cost) => sum + cost, 0);
        expect(Math.max(...loads)).toBeLessThanOrEqual(1.1 * (total / shards + Math.max(...costs)));
      },
    ),
  );
});

it('targets that share a long dependency are built beside it', () => {
  const targets = [target('long'), target('a', ['long']), target('b', ['long']), target('c'), target('d')];
  const known = new Map([
    ['long', 100_000],
    ['a', 10],
    ['b', 10],
    ['c', 10],
    ['d', 10],
  ]);
  const parts = shardTargets({ targets, names: ['a', 'b', 'c', 'd'], shards: 2, durations: known });
  expect(parts.filter((part) => part.includes('a') || part.includes('b'))).toHaveLength(1);
  expect(parts.every((part) => part.length > 0)).toBe(true);
});
