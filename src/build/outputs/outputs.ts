// Where the result goes. Pushes begin while steps still run: each finished layer is handed over at
// once; everything else waits for the whole image.
import type { Descriptor, LayerRef } from '../../core/descriptor.ts';
import type { Digest } from '../../core/digest.ts';
import type { Platform } from '../../core/platform.ts';
import { formatReference } from '../../core/reference.ts';
import type { ImagePlan } from '../../graph/image-plan.ts';
import type { VertexId } from '../../graph/vertex.ts';
import { type AssembledImage, type AssembleOptions, assembleImage, assembleIndex } from '../../push/assemble/assemble-image.ts';
import type { MediaTypeFamily } from '../../push/assemble/manifest-bytes.ts';
import { type Annotation, annotationsOf } from '../annotations.ts';
import { asVertex } from '../as-vertex.ts';
import type { BuildRequest, OutputSpec } from '../build-request.ts';
import type { Layer } from '../layer.ts';
import type { RegistryAccess } from '../registry-access.ts';
import type { Session } from '../session.ts';
import { LayerConversion } from './convert-layers.ts';
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
  readonly conversion: LayerConversion;
  /** Called with each layer of the result as soon as it is begun. */
  layer(layer: Layer): void;
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
export async function openOutputs(
  session: Session,
  request: BuildRequest,
  registry: RegistryAccess,
  epoch: number | undefined,
): Promise<Outputs> {
  if (request.layers.rewriteTimestamp === true && epoch === undefined)
    session.emit({ type: 'notice', message: 'rewrite-timestamp=true changes nothing without SOURCE_DATE_EPOCH' });
  const pushes = await openPushes({ session, request, registry });
  const conversion = new LayerConversion(session, registry, request.layers, epoch);
  const ships = request.outputs.some((output) => !isTree(output));
  return {
    session,
    request,
    registry,
    pushes,
    conversion,
    layer(layer) {
      if (!ships) return;
      const shipped = layer.made.then(({ ref }) => conversion.convert(ref, true));
      // A failure is seen when the image is put together.
      shipped.catch(() => undefined);
      pushes.layer(shipped);
    },
  };
}

const isTree = ({ type }: OutputSpec): boolean => type === 'tar' || type === 'local';

export interface OutputResult {
  readonly image: Descriptor;
  readonly descriptor?: Descriptor;
  readonly configDigest?: Digest;
  readonly names: readonly string[];
}

export async function makeOutputs(outputs: Outputs, built: readonly BuiltImage[]): Promise<OutputResult> {
  const { session, request } = outputs;
  return asVertex(session, { id: 'export', name: 'exporting' }, async () => {
    const shipped = request.outputs.every(isTree) ? built : await shippedImages(outputs, built);
    const families = request.outputs.map((output) => familyOf(request, output));
    const family = families.every((name) => name === 'docker') ? 'docker' : 'oci';
    const image = { ...(await assemble(session, shipped, family, request.annotations)), plain: built };
    for (const output of request.outputs) {
      const own = familyOf(request, output);
      await makeOutput(
        outputs,
        output,
        own === family ? image : { ...image, ...(await assemble(session, shipped, own, request.annotations)) },
      );
    }
    return resultOf(request, image);
  });
}

const shippedImages = ({ conversion }: Outputs, built: readonly BuiltImage[]): Promise<BuiltImage[]> =>
  Promise.all(
    built.map(async ({ plan, layers }) => ({
      plan,
      layers: await Promise.all(
        layers.map(async (made) => ({ ...made, layer: await conversion.convert(made.layer, made.vertex !== undefined) })),
      ),
    })),
  );

/** What Docker's media types cannot say is written with those of OCI: eStargz's annotations, zstd (as BuildKit does). */
function familyOf({ layers }: BuildRequest, output: OutputSpec): MediaTypeFamily {
  if (layers.compression === 'estargz' || layers.compression === 'zstd') return 'oci';
  const asked = 'mediaTypes' in output ? output.mediaTypes : undefined;
  return asked ?? (output.type === 'docker' ? 'docker' : 'oci');
}

/** Config and manifest per platform; an index when there are several. */
async function assemble(
  session: Session,
  built: readonly BuiltImage[],
  mediaTypes: MediaTypeFamily,
  annotations: readonly Annotation[] = [],
): Promise<Omit<FinishedImage, 'plain'>> {
  const images: AssembledImage[] = [];
  for (const { plan, layers } of built) {
    // Annotations of a platform are for its entry in an index.
    const platform = built.length === 1 ? null : plan.platform;
    const options = { mediaTypes, ...annotated(annotations, 'manifest', platform) };
    images.push(await assembleImage(plan, layers, session.blobs, options));
  }
  const [only] = images;
  const index = { mediaTypes, ...annotated(annotations, 'index', null) };
  const descriptor = images.length === 1 && only !== undefined ? only.descriptor : await assembleIndex(images, session.blobs, index);
  return { descriptor, images, built };
}

function annotated(
  all: readonly Annotation[],
  type: 'manifest' | 'index',
  platform: Platform | null,
): Pick<AssembleOptions, 'annotations' | 'descriptorAnnotations'> {
  const annotations = annotationsOf(all, type, platform);
  const descriptorAnnotations = annotationsOf(all, `${type}-descriptor`, platform);
  return {
    ...(annotations === undefined ? {} : { annotations }),
    ...(descriptorAnnotations === undefined ? {} : { descriptorAnnotations }),
  };
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
    case 'docker':
      return (await import('./archive-output.ts')).writeArchiveOutput(outputs, output, image);
    case 'tar':
    case 'local':
      return (await import('./tree-output.ts')).writeTreeOutput(outputs, output, image);
    case 'cacheonly':
      return;
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
  if (request.outputs.every(isTree)) return { image: image.descriptor, names };
  const [only] = image.images;
  return {
    image: image.descriptor,
    descriptor: image.descriptor,
    names,
    ...(image.images.length === 1 && only !== undefined ? { configDigest: only.config.digest } : {}),
  };
}
