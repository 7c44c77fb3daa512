// --output type=tar and type=local: the files of the image without layers, read from the layer blobs.
import { resolve } from 'node:path';
import { formatPlatform } from '../../core/platform.ts';
import type { FlatLayer, RootfsTree } from '../../executor/layer/flatten/flatten.ts';
import { exportLocal } from '../../executor/layer/flatten/flatten-local.ts';
import { writeRootfsTar } from '../../executor/layer/flatten/flatten-tar.ts';
import type { OutputSpec } from '../request/build-request.ts';
import { storedToc } from '../solve/layer-toc.ts';
import { toDestination } from './archive-output.ts';
import { fetchMissingLayers } from './fetch-layers.ts';
import type { BuiltImage, OutputContext } from './outputs.ts';

type TreeSpec = Extract<OutputSpec, { readonly type: 'tar' | 'local' }>;

export async function writeTreeOutput(context: OutputContext, output: TreeSpec, images: readonly BuiltImage[]): Promise<void> {
  await fetchMissingLayers(context, images);
  const { session } = context;
  const split = output.platformSplit ?? images.length > 1;
  const trees = await Promise.all(images.map((built) => treeOf(context, built, split)));
  const epoch = images[0]?.plan.epoch;
  const options = { signal: session.signal, ...(epoch === undefined ? {} : { epoch }) };
  if (output.type === 'tar') await toDestination(output.dest, (out) => writeRootfsTar(trees, session.blobs, out, options));
  else await exportLocal(trees, session.blobs, resolve(output.dest), options);
}

async function treeOf(context: OutputContext, built: BuiltImage, split: boolean): Promise<RootfsTree> {
  const platform = formatPlatform(built.plan.platform);
  return { layers: await flatLayers(context, built), platform, ...(split ? { prefix: platform.replaceAll('/', '_') } : {}) };
}

async function flatLayers({ session }: OutputContext, built: BuiltImage): Promise<readonly FlatLayer[]> {
  return Promise.all(built.layers.map(async ({ layer }) => ({ blob: layer.blob, toc: await storedToc(session, layer) })));
}
