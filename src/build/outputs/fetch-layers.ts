// Outputs that carry every byte need base layers that were only named so far.

import { parseReference } from '../../core/reference.ts';
import type { BuiltImage, OutputContext } from './outputs.ts';

export async function fetchMissingLayers(context: OutputContext, images: readonly BuiltImage[]): Promise<void> {
  const { session, registry } = context;
  const layers = images.flatMap((built) => built.layers.map(({ layer }) => layer));
  await Promise.all(
    layers.map(async (layer) => {
      if (session.blobs.has(layer.blob.digest)) return;
      const [location] = session.index.locations(layer.blob.digest);
      if (location !== undefined) await registry.fetchLayer(parseReference(location), layer);
    }),
  );
}
