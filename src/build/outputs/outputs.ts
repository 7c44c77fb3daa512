// Where the result goes. Pushes begin while steps still run: each finished layer is handed over at
// once; everything else waits for the whole image.
import type { Descriptor, LayerRef } from '../../core/descriptor.ts';
import type { Digest } from '../../core/digest.ts';
import { formatReference, type Reference } from '../../core/reference.ts';
import type { ImagePlan } from '../../graph/image-plan.ts';
import type { VertexId } from '../../graph/vertex.ts';
import type { AssembledImage } from '../../push/assemble/assemble-image.ts';
import { asVertex } from '../as-vertex.ts';
import type { RegistryAccess } from '../registry-access.ts';
import type { BuildRequest, OutputSpec } from '../request/build-request.ts';
import type { Session } from '../session.ts';
import type { ShippedLayers } from '../solve/layer.ts';
import { ImageForms, type ImageOutput, isImageOutput } from './image-forms.ts';
import { namesOf } from './names.ts';
import { openPushes, type Pushes } from './push-output.ts';

export interface BuiltImage {
  readonly plan: ImagePlan;
  readonly layers: readonly {
    readonly layer: LayerRef;
    readonly created?: number;
    readonly description?: string;
    readonly vertex?: VertexId;
  }[];
}

export interface OutputContext {
  readonly session: Session;
  readonly request: BuildRequest;
  readonly registry: RegistryAccess;
}

export interface Outputs extends OutputContext, ShippedLayers {
  readonly pushes: Pushes;
  readonly forms: ImageForms;
}

export interface FinishedImage {
  readonly descriptor: Descriptor;
  readonly images: readonly AssembledImage[];
  /** Layers as they are shipped. */
  readonly built: readonly BuiltImage[];
  /** Layers as the steps made them. */
  readonly plain: readonly BuiltImage[];
}

/** `epoch`: SOURCE_DATE_EPOCH of the build, in seconds. */
export async function openOutputs(context: OutputContext, epoch: number | undefined): Promise<Outputs> {
  const { session, request } = context;
  const images = request.outputs.filter(isImageOutput);
  if (epoch === undefined && images.some(({ layers }) => layers.rewriteTimestamp === true))
    session.emit({ type: 'notice', message: 'rewrite-timestamp=true changes nothing without SOURCE_DATE_EPOCH' });
  const pushes = await openPushes(context);
  const forms = new ImageForms(context, epoch);
  return {
    ...context,
    pushes,
    forms,
    follow: (vertex) =>
      pushes.follow(
        vertex,
        images.flatMap((output) => (output.type === 'image' && forms.keepsNew(output) ? [output] : [])),
      ),
    layer(vertex, layer) {
      for (const output of images) {
        const shipped = layer.made.then(({ ref }) => forms.layer(output, ref));
        // A failure is seen when the image is put together.
        shipped.catch(() => undefined);
        if (output.type === 'image') pushes.layer(output, forms.keepsNew(output) ? vertex : null, shipped);
      }
    },
  };
}

export interface OutputResult {
  readonly image: Descriptor;
  readonly descriptor?: Descriptor;
  readonly configDigest?: Digest;
  readonly names: readonly string[];
}

/** Of several outputs, the last that ships an image says what the result is, as in BuildKit. */
export async function makeOutputs(outputs: Outputs, built: readonly BuiltImage[]): Promise<OutputResult> {
  const { session, request, forms } = outputs;
  return asVertex(session, { id: 'export', name: 'exporting' }, async () => {
    let result: FinishedImage | null = null;
    for (const output of request.outputs) {
      if (isImageOutput(output)) {
        result = await forms.image(output, built);
        await shipImage(outputs, output, result);
      } else if (output.type !== 'cacheonly') {
        await (await import('./tree-output.ts')).writeTreeOutput(outputs, output, built);
      }
    }
    return resultOf(request, result ?? (await forms.plain(built)));
  });
}

/** Code of outputs that write somewhere else is loaded here: a cached build does without. */
async function shipImage(outputs: Outputs, output: ImageOutput, image: FinishedImage): Promise<void> {
  const { session, request } = outputs;
  switch (output.type) {
    case 'image': {
      for (const name of storedNames(request, output, image.descriptor)) tagImage(session, formatReference(name), image.descriptor);
      if (output.push) await outputs.pushes.finish(output, image);
      return;
    }
    case 'oci':
    case 'docker':
      return (await import('./archive-output.ts')).writeArchiveOutput(outputs, output, image);
    case 'load':
      return (await import('./load-output.ts')).loadIntoEngine(outputs, output, image);
  }
}

/** NAME@DIGEST is for images that are pushed without a tag, and for those who ask for it. */
function storedNames(
  request: BuildRequest,
  output: Extract<OutputSpec, { readonly type: 'image' }>,
  { digest }: Descriptor,
): readonly Reference[] {
  const names = namesOf(request, output);
  const canonical = output.pushByDigest || output.nameCanonical === true ? names.map(({ tag: _, ...name }) => ({ ...name, digest })) : [];
  return output.pushByDigest ? canonical : [...names, ...canonical];
}

/** Nothing is written when the name stands for that image already. */
function tagImage(session: Session, name: string, target: Descriptor): void {
  if (session.index.tag(name)?.target.digest !== target.digest) session.index.setTag(name, target, session.clock());
}

function resultOf(request: BuildRequest, image: FinishedImage): OutputResult {
  const named = request.outputs.filter(isImageOutput).flatMap((output) => namesOf(request, output));
  const names = [...new Set(named.map(formatReference))];
  if (request.outputs.every(isTree)) return { image: image.descriptor, names };
  const [only] = image.images;
  return {
    image: image.descriptor,
    descriptor: image.descriptor,
    names,
    ...(image.images.length === 1 && only !== undefined ? { configDigest: only.config.digest } : {}),
  };
}

const isTree = ({ type }: OutputSpec): boolean => type === 'tar' || type === 'local';
