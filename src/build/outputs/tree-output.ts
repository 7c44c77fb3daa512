// --output type=tar and type=local: the files of the image without layers.
import type { OutputSpec } from '../build-request.ts';
import { fetchMissingLayers } from './fetch-layers.ts';
import type { FinishedImage, OutputContext } from './outputs.ts';

type TreeSpec = Extract<OutputSpec, { readonly type: 'tar' | 'local' }>;

export async function writeTreeOutput(context: OutputContext, _output: TreeSpec, image: FinishedImage): Promise<void> {
  await fetchMissingLayers(context, image);
}
