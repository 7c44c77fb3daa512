// The forms in which outputs ship the image of a build: media types, compression and times. Outputs that
// ask for the same share one; each form is assembled once, from layers that the steps made once.
import { canonicalJson } from '../../core/canonical.ts';
import type { LayerRef } from '../../core/descriptor.ts';
import type { Platform } from '../../core/platform.ts';
import { type AssembledImage, type AssembleOptions, assembleImage, assembleIndex } from '../../push/assemble/assemble-image.ts';
import type { MediaTypeFamily } from '../../push/assemble/manifest-bytes.ts';
import { type Annotation, annotationsOf } from '../request/annotations.ts';
import type { ImageForm, OutputSpec } from '../request/build-request.ts';
import { PLAIN_IMAGE } from '../request/output-spec.ts';
import { LayerConversion, stepFormat } from './convert-layers.ts';
import type { BuiltImage, FinishedImage, OutputContext } from './outputs.ts';

/** An output that ships an image. */
export type ImageOutput = Extract<OutputSpec, ImageForm>;

export const isImageOutput = (output: OutputSpec): output is ImageOutput => 'layers' in output;

interface Form {
  readonly family: MediaTypeFamily;
  readonly annotations: readonly Annotation[];
  readonly conversion: LayerConversion;
}

export class ImageForms {
  readonly #context: OutputContext;
  readonly #epoch: number | undefined;
  readonly #forms = new Map<string, Form>();
  readonly #images = new Map<Form, Promise<FinishedImage>>();

  /** `epoch`: SOURCE_DATE_EPOCH of the build, in seconds. */
  constructor(context: OutputContext, epoch: number | undefined) {
    this.#context = context;
    this.#epoch = epoch;
  }

  /** A layer that a step of this build made, as `output` ships it. */
  layer(output: ImageOutput, layer: LayerRef): Promise<LayerRef> {
    return this.#of(output).conversion.convert(layer, true);
  }

  /** True when `output` ships the layers that steps write as they are. */
  keepsNew(output: ImageOutput): boolean {
    return this.#of(output).conversion.keepsNew;
  }

  /** Config and manifest per platform, and an index when there are several, as `output` ships them. Always the same `built`. */
  image(output: ImageOutput, built: readonly BuiltImage[]): Promise<FinishedImage> {
    const form = this.#of(output);
    const image = this.#images.get(form) ?? this.#make(form, built);
    this.#images.set(form, image);
    return image;
  }

  /** Without conversion, for outputs of files. */
  plain(built: readonly BuiltImage[]): Promise<FinishedImage> {
    return this.image(PLAIN_IMAGE, built);
  }

  #of(output: ImageOutput): Form {
    const { session, registry, request } = this.#context;
    const family = familyOf(output);
    const annotations = [...(request.annotations ?? []), ...(output.annotations ?? [])];
    const key = canonicalJson({ family, annotations, layers: output.layers });
    let form = this.#forms.get(key);
    if (form === undefined) {
      const made = stepFormat(request.outputs);
      form = {
        family,
        annotations,
        conversion: new LayerConversion(session, registry, { wanted: output.layers, made, epoch: this.#epoch }),
      };
      this.#forms.set(key, form);
    }
    return form;
  }

  async #make({ family, annotations, conversion }: Form, plain: readonly BuiltImage[]): Promise<FinishedImage> {
    const { blobs } = this.#context.session;
    const built = await Promise.all(plain.map((image) => shipped(conversion, image)));
    const images: AssembledImage[] = [];
    for (const { plan, layers } of built) {
      // Annotations of a platform are for its entry in an index.
      const platform = built.length === 1 ? null : plan.platform;
      images.push(await assembleImage(plan, layers, blobs, { mediaTypes: family, ...annotated(annotations, 'manifest', platform) }));
    }
    const [only] = images;
    const index = { mediaTypes: family, ...annotated(annotations, 'index', null) };
    const descriptor = images.length === 1 && only !== undefined ? only.descriptor : await assembleIndex(images, blobs, index);
    return { descriptor, images, built, plain };
  }
}

async function shipped(conversion: LayerConversion, { plan, layers }: BuiltImage): Promise<BuiltImage> {
  const convert = async (made: BuiltImage['layers'][number]): Promise<BuiltImage['layers'][number]> => ({
    ...made,
    layer: await conversion.convert(made.layer, made.vertex !== undefined),
  });
  return { plan, layers: await Promise.all(layers.map(convert)) };
}

/** eStargz says in annotations what Docker's media types have no place for. */
function familyOf({ type, layers, mediaTypes }: ImageOutput): MediaTypeFamily {
  if (layers.compression === 'estargz') return 'oci';
  return mediaTypes ?? (type === 'docker' ? 'docker' : 'oci');
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
