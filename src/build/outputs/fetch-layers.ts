// Outputs that carry every byte need base layers that were only named so far.

import type { BuiltImage, OutputContext } from './outputs.ts';

export async function fetchMissingLayers({ registry }: OutputContext, images: readonly BuiltImage[]): Promise<void> {
  const layers = images.flatMap((built) => built.layers.map(({ layer }) => layer));
  await Promise.all(layers.map((layer) => registry.fetchSeen(layer)));
}
