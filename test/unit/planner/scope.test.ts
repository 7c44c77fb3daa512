import fc from 'fast-check';
import { expect, test } from 'vitest';
import { ImageEnv, setting, splitEnv } from '../../../src/planner/image-env.ts';
import { Scope } from '../../../src/planner/scope.ts';

const settings = fc.array(fc.tuple(fc.constantFrom('a', 'b', 'c', 'd', '__proto__'), fc.string({ maxLength: 3 })), { maxLength: 100 });
const NOTHING = Scope.empty;
const set = (start: Scope, ...pairs: [string, string][]): Scope => pairs.reduce((scope, [name, value]) => scope.with(name, value), start);

test('the last setting wins and moves its name to the end', () => {
  expect(set(NOTHING, ['a', '1'], ['b', '2'], ['a', '3']).pairs()).toEqual(['b=2', 'a=3']);
});

test('is a map whose settings move to the end', () => {
  fc.assert(
    fc.property(settings, (pairs) => {
      const model = new Map<string, string>();
      for (const [name, value] of pairs) {
        model.delete(name);
        model.set(name, value);
      }
      const scope = Scope.from(pairs);
      expect(scope.pairs()).toEqual([...model].map(([name, value]) => `${name}=${value}`));
      expect(new Set(scope.names())).toEqual(new Set(model.keys()));
      for (const [name, value] of model) expect(scope.get(name)).toBe(value);
    }),
  );
});

test('a scope does not change when another is derived from it', () => {
  fc.assert(
    fc.property(settings, (pairs) => {
      const before = Scope.from([['a', '0']]);
      set(before, ...pairs);
      expect(before.pairs()).toEqual(['a=0']);
    }),
  );
});

test('a stage on another one starts with its ARGs and then the variables of its image', () => {
  const below = set(NOTHING.above(ImageEnv.of(['e=1', 'f=2'])), ['a', 'x'], ['f', 'arg'], ['e', '3'], ['b', 'y']);
  expect(below.pairs()).toEqual(['a=x', 'f=arg', 'e=3', 'b=y']);
  const above = below.above(ImageEnv.of(['e=1', 'f=2']).with('e', setting('e', '3')));
  expect(above.pairs()).toEqual(['a=x', 'b=y', 'e=3', 'f=2']);
  expect(above.get('f')).toBe('2');
});

test('the first entry of a repeated variable is changed, and the last one counts', () => {
  const env = Object.entries({ a: '4', d: '5', c: '6' }).reduce(
    (list, [name, value]) => list.with(name, setting(name, value)),
    ImageEnv.of(['a=1', 'b=2', 'a=3', 'c']),
  );
  expect(env.toList()).toEqual(['a=4', 'b=2', 'a=3', 'c=6', 'd=5']);
  const start = NOTHING.above(env);
  expect(start.get('a')).toBe('3');
  expect(NOTHING.above(ImageEnv.of(['a', 'b=1'])).pairs()).toEqual(['a=', 'b=1']);
  expect(start.pairs()).toEqual(['b=2', 'a=3', 'c=6', 'd=5']);
});

test.each([
  ['A=b=c', ['A', 'b=c']],
  ['A=', ['A', '']],
  ['A', ['A', '']],
])('%s splits at the first sign', (text, expected) => {
  expect(splitEnv(text)).toEqual(expected);
});
