// Equal stacks are the same layers, whoever comes with them; what stands on another base is another step.
import { describe, expect, it } from 'vitest';
import { type Layer, layerOf } from '../../../src/build/solve/layer.ts';
import { LayerPositions } from '../../../src/build/solve/layer-positions.ts';
import type { LayerRef } from '../../../src/core/descriptor.ts';

/** A layer named by one hex digit; `blob` is another compression of it. */
const layer = (digit: string, blob = digit): Layer => {
  const digest = (of: string): string => `sha256:${of.repeat(64)}`;
  const ref = { diffId: digest(digit), blob: { mediaType: 'x', digest: digest(blob), size: 1 } } as LayerRef;
  return layerOf(Promise.resolve({ ref }));
};

describe('LayerPositions', () => {
  it('knows the common part of two images, and tells apart what is compressed otherwise', async () => {
    const positions = new LayerPositions();
    const first = await positions.stack([layer('a'), layer('b'), layer('c')]);
    const second = await positions.stack([layer('a'), layer('b'), layer('d')]);
    const third = await positions.stack([layer('a'), layer('b', 'e')]);
    const elsewhere = await positions.stack([layer('b')]);
    expect(second.slice(0, 2)).toEqual([first[0], first[1]]);
    expect(second[1]).toBe(first[1]);
    expect(second[2]).not.toBe(first[2]);
    expect(third[1]).not.toBe(first[1]);
    expect(elsewhere[0]).not.toBe(first[1]);
  });

  it('gives one task for a step on one position, on scratch as well', async () => {
    const positions = new LayerPositions();
    const one = await positions.stack([layer('a')]);
    const same = await positions.stack([layer('a')]);
    const other = await positions.stack([layer('b')]);
    expect(positions.step(one, 'key')).toBe(positions.step(same, 'key'));
    expect(positions.step(one, 'key')).not.toBe(positions.step(one, 'another key'));
    expect(positions.step(one, 'key')).not.toBe(positions.step(other, 'key'));
    expect(positions.step([], 'key')).toBe(positions.step([], 'key'));
  });
});
