import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Chain } from '../../../src/planner/chain.ts';
import { OrderedMap } from '../../../src/planner/ordered-map.ts';
import { cpuSeconds } from '../../support/cpu-time.ts';

const NAMES = fc.oneof(fc.constantFrom('a', 'b', '__proto__', ''), fc.string({ maxLength: 2 }));
const settings = fc.array(fc.tuple(NAMES, fc.integer(), fc.boolean()), { maxLength: 200 });

test('is a Map whose versions stay as they were', () => {
  fc.assert(
    fc.property(settings, (steps) => {
      const model = new Map<string, number>();
      const versions: [OrderedMap<number>, [string, number][]][] = [];
      let map = OrderedMap.empty<number>();
      for (const [name, value, last] of steps) {
        map = last ? map.withLast(name, value) : map.with(name, value);
        if (last) model.delete(name);
        model.set(name, value);
        versions.push([map, [...model]]);
      }
      for (const [version, entries] of versions) {
        expect(version.entries()).toEqual(entries);
        expect(version.size).toBe(entries.length);
        for (const [name, value] of entries) expect([version.has(name), version.get(name)]).toEqual([true, value]);
      }
      expect(map.has('not there')).toBe(false);
    }),
  );
});

test('names in the worst order cost little', () => {
  let map = OrderedMap.empty<number>();
  const names = Array.from({ length: 100_000 }, (_, at) => `n${String(at).padStart(6, '0')}`);
  const cost = cpuSeconds(() => {
    for (const [at, name] of names.entries()) map = map.with(name, at);
  });
  expect(map.entries().map(([name]) => name)).toEqual(names);
  // A list instead of a tree needs minutes.
  expect(cost).toBeLessThan(10);
});

test('lists that grow from one beginning do not meet', () => {
  const start = Chain.of([1]).append([2, 3]);
  expect([start.append([4]).toArray(), start.append([]).append([5]).toArray(), start.toArray(), start.length]).toEqual([
    [1, 2, 3, 4],
    [1, 2, 3, 5],
    [1, 2, 3],
    3,
  ]);
});
