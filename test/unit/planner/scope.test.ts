import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Scope, splitEnv } from '../../../src/planner/scope.ts';

const settings = fc.array(fc.tuple(fc.constantFrom('a', 'b', 'c', 'd', '__proto__'), fc.string({ maxLength: 3 })), { maxLength: 100 });

test('the last setting wins and moves its name to the end', () => {
  const scope = Scope.empty.with('a', '1').with('b', '2').with('a', '3');
  expect(scope.entries()).toEqual([
    ['b', '2'],
    ['a', '3'],
  ]);
});

test('setting many at once is setting them one by one', () => {
  fc.assert(
    fc.property(settings, (pairs) => {
      const single = pairs.reduce((scope, [name, value]) => scope.with(name, value), Scope.empty);
      expect(single.entries()).toEqual(Scope.empty.withAll(pairs).entries());
      for (const [name] of pairs) expect(single.get(name)).toBe(Scope.from(pairs).get(name));
    }),
  );
});

test('a scope does not change when another is derived from it', () => {
  fc.assert(
    fc.property(settings, (pairs) => {
      const before = Scope.from([['a', '0']]);
      pairs.reduce((scope, [name, value]) => scope.with(name, value), before);
      expect(before.entries()).toEqual([['a', '0']]);
    }),
  );
});

test.each([
  ['A=b=c', ['A', 'b=c']],
  ['A=', ['A', '']],
  ['A', ['A', '']],
])('%s splits at the first sign', (text, expected) => {
  expect(splitEnv(text)).toEqual(expected);
});
