// What steps are refused, as a set that decides whose records count.
import { expect, test } from 'vitest';
import { coveredBy, expectedRefusals, firstIds, refusalsOf } from '../../../src/executor/step-refusals.ts';

test.each([
  ['of the machine', '         0          0 4294967295\n', 4_294_967_295],
  ['of a user with a range', '0 1000 1\n1 100000 65536\n', 65_537],
  ['with a hole', '0 1000 1\n5 100000 65536\n', 1],
  ['of one user', '0 1000 1', 1],
  ['of one user who is not root inside', '1000 1000 1', 0],
])('ids from 0 upwards in a map %s', (_name, text, count) => {
  expect(firstIds(text)).toBe(count);
});

test('nobody takes records of steps that were refused more', () => {
  const single = refusalsOf('single', 'auto');
  const names = (refused: readonly string[]) => coveredBy(refused).map((covered) => covered.join());
  expect(names([])).toEqual(['']);
  expect(single).toEqual(expect.arrayContaining(['devices', 'ids from 1', 'ids from 65537']));
  expect(names(single)).toEqual(expect.arrayContaining(['', 'devices,ids from 65537', single.join()]));
  expect(names(['devices', 'ids from 65537'])).not.toContain(single.join());
  expect(names(refusalsOf('chroot', 'chroot'))).not.toContain(single.join());
});

test('root of this machine is refused nothing, but for what it asks for', () => {
  expect(expectedRefusals('auto')).toEqual([]);
  expect(expectedRefusals('copy')).toEqual([]);
  expect(expectedRefusals('fuse')).toEqual(['exact overlays']);
  expect(expectedRefusals('chroot')).toEqual(['namespaces']);
});
