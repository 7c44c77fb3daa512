// Where the result goes. Pushes begin while steps still run: each finished layer is handed over at
// once; everything else waits for the whole image.
import type { Descriptor, LayerRef } from '../../core/descriptor.ts';
import type { Digest } from '../../core/digest.ts';
import { formatReference } from '../../core/reference.ts';
import type { ImagePlan } from '../../graph/image-plan.ts';
import type { VertexId } from '../../graph/vertex.ts';
import { type AssembledImage, assembleImage, assembleIndex } from '../../push/assemble/assemble-image.ts';
import type { MediaTypeFamily } from '../../push/assemble/manifest-bytes.ts';
import { asVertex } from '../as-vertex.ts';
import type { BuildRequest, OutputSpec } from '../build-request.ts';
import type { Layer } from '../layer.ts';
import type { RegistryAccess } from '../registry-access.ts';
import type { Session } from '../session.ts';
import { namesOf } from './names.ts';
import { openPushes, type Pushes } from './push-output.ts';

export interface BuiltImage {
  readonly plan: ImagePlan;
  readonly layers: readonly { readonly layer: LayerRef; readonly created?: number; readonly vertex?: VertexId }[];
}

export interface OutputContext {
  readonly session: Session;
  readonly request: BuildRequest;
  readonly registry: RegistryAccess;
}

export interface Outputs extends OutputContext {
  readonly pushes: Pushes;
  /** Called with each layer of the result as soon as it is begun. */
  layer(layer: Layer): void;
}

export interface FinishedImage {
  readonly descriptor: Descriptor;
  readonly images: readonly AssembledImage[];
  readonly built: readonly BuiltImage[];
}

export async function openOutputs(session: Session, request: BuildRequest, registry: RegistryAccess): Promise<Outputs> {
  const pushes = await openPushes({ session, request, registry });
  return { session, request, registry, pushes, layer: (layer) => pushes.layer(layer) };
}

export interface OutputResult {
  readonly descriptor?: Descriptor;
  readonly configDigest?: Digest;
  readonly names: readonly string[];
}

export async function makeOutputs(outputs: Outputs, built: readonly BuiltImage[]): Promise<OutputResult> {
  const { session, request } = outputs;
  return asVertex(session, { id: 'export', name: 'exporting' }, async () => {
    const image = await assemble(session, built, request.outputs.every((output) => output.type === 'docker') ? 'docker' : 'oci');
    for (const output of request.outputs) await makeOutput(outputs, output, image);
    return resultOf(request, image);
  });
}

/** Config and manifest per platform; an index when there are several. */
async function assemble(session: Session, built: readonly BuiltImage[], mediaTypes: MediaTypeFamily): Promise<FinishedImage> {
  const images: AssembledImage[] = [];
  for (const { plan, layers } of built) images.push(await assembleImage(plan, layers, session.blobs, { mediaTypes }));
  const [only] = images;
  const descriptor =
    images.length === 1 && only !== undefined ? only.descriptor : await assembleIndex(images, session.blobs, { mediaTypes });
  return { descriptor, images, built };
}

/** Code of outputs that write somewhere else is loaded here: a cached build does without. */
async function makeOutput(outputs: Outputs, output: OutputSpec, image: FinishedImage): Promise<void> {
  const { session, request } = outputs;
  switch (output.type) {
    case 'image': {
      const names = namesOf(request, output);
      for (const name of names) tagImage(session, formatReference(name), image.descriptor);
      if (output.push) await outputs.pushes.finish(output, image);
      return;
    }
    case 'oci':
      return (await import('./archive-output.ts')).writeArchiveOutput(outputs, output, image);
    case 'docker':
      return (await import('./archive-output.ts')).writeArchiveOutput(outputs, output, await assemble(session, image.built, 'docker'));
    case 'tar':
    case 'local':
      return (await import('./tree-output.ts')).writeTreeOutput(outputs, output, image);
    case 'load':
      return (await import('./load-output.ts')).loadIntoEngine(outputs, image);
  }
}

/** Nothing is written when the name stands for that image already. */
function tagImage(session: Session, name: string, target: Descriptor): void {
  if (session.index.tag(name)?.target.digest !== target.digest) session.index.setTag(name, target, session.clock());
}

function resultOf(request: BuildRequest, image: FinishedImage): OutputResult {
  const named = request.outputs.flatMap((output) => ('names' in output ? namesOf(request, output) : []));
  const names = [...new Set(named.map(formatReference))];
  if (request.outputs.every((output) => output.type === 'tar' || output.type === 'local')) return { names };
  const [only] = image.images;
  return {
    descriptor: image.descriptor,
    names,
    ...(image.images.length === 1 && only !== undefined ? { configDigest: only.config.digest } : {}),
  };
}
