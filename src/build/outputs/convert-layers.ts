// Layers in the form that an output asks for, where the steps made another: eStargz, whose table of
// contents needs a finished tar, `force-compression` for layers that are there already, and
// `rewrite-timestamp` for times after SOURCE_DATE_EPOCH. A converted layer is a record like a step's:
// made once, shared between processes, found again by the next build.

import { canonicalJson } from '../../core/canonical.ts';
import type { Descriptor, LayerRef } from '../../core/descriptor.ts';
import { cacheKeyOf } from '../../core/digest.ts';
import { layerCompression } from '../../core/media-types.ts';
import type { LayerFormat } from '../../executor/executor.ts';
import type { RegistryAccess } from '../registry-access.ts';
import type { LayerOptions, OutputSpec } from '../request/build-request.ts';
import type { Session } from '../session.ts';

/** Raised when the bytes of a converted layer change. */
const FORMAT_VERSION = 1;
/** eStargz layers say so in their descriptor. */
const TOC_DIGEST = 'containerd.io/snapshot/stargz/toc.digest';

/** What steps write: the first image's layers. An eStargz layer is made from the plain one, which later builds can use. */
export function stepFormat(outputs: readonly OutputSpec[]): LayerFormat {
  const layers = outputs.find((output) => 'layers' in output)?.layers ?? {};
  return layers.compression === 'estargz' ? { compression: 'gzip' } : formatOf(layers, layers.compression);
}

const asksForFormat = ({ compression, level }: LayerOptions): boolean => compression !== undefined || level !== undefined;

const formatOf = <C extends string>({ level }: LayerOptions, compression: C | undefined): { compression: C | 'gzip'; level?: number } => ({
  compression: compression ?? 'gzip',
  ...(level === undefined ? {} : { level }),
});

interface ConversionOptions {
  /** What an output asks for. */
  readonly wanted: LayerOptions;
  /** What the steps of this build write. */
  readonly made: LayerFormat;
  /** SOURCE_DATE_EPOCH of the build; without one there is no time to rewrite to. */
  readonly epoch: number | undefined;
}

export class LayerConversion {
  readonly #session: Session;
  readonly #registry: RegistryAccess;
  readonly #format: ReturnType<typeof formatOf<LayerFormat['compression'] | 'estargz'>>;
  /** Which layers change their compression. */
  readonly #scope: 'all' | 'own' | 'none';
  readonly #notAfter: number | undefined;
  readonly #converted = new Map<string, Promise<LayerRef>>();

  constructor(session: Session, registry: RegistryAccess, { wanted, made, epoch }: ConversionOptions) {
    this.#session = session;
    this.#registry = registry;
    this.#format = formatOf(wanted, wanted.compression);
    // Layers that are cached keep the form they have, unless another output of this build has a say in it.
    const apart = asksForFormat(wanted) && canonicalJson(this.#format) !== canonicalJson(made);
    this.#scope = wanted.force === true ? 'all' : apart ? 'own' : 'none';
    this.#notAfter = wanted.rewriteTimestamp === true ? epoch : undefined;
  }

  /** True when layers that this build's steps write are shipped as they are. */
  get keepsNew(): boolean {
    return this.#scope === 'none' && this.#notAfter === undefined;
  }

  /** The layer to ship. `own`: a step of this build made it, now or earlier; others change only when forced. */
  convert(layer: LayerRef, own: boolean): Promise<LayerRef> {
    // Times of a base are its makers' (E-06).
    const notAfter = own ? this.#notAfter : undefined;
    if (notAfter === undefined && !this.#needs(layer.blob, own)) return Promise.resolve(layer);
    const id = `${layer.diffId} ${notAfter ?? ''}`;
    const known = this.#converted.get(id);
    if (known !== undefined) return known;
    const converted = this.#find(layer, notAfter);
    this.#converted.set(id, converted);
    converted.catch(() => undefined);
    return converted;
  }

  #needs(blob: Descriptor, own: boolean): boolean {
    if (this.#scope === 'none' || (this.#scope === 'own' && !own)) return false;
    const { compression, level } = this.#format;
    if (compression === 'estargz') return blob.annotations?.[TOC_DIGEST] === undefined;
    const now = layerCompression(blob.mediaType);
    return now !== null && (now !== compression || (this.#scope === 'own' && level !== undefined));
  }

  async #find(layer: LayerRef, notAfter: number | undefined): Promise<LayerRef> {
    const { index, leases, signal } = this.#session;
    const form = { ...this.#format, notAfter };
    const key = cacheKeyOf(canonicalJson({ kind: 'layer-format', version: FORMAT_VERSION, diffId: layer.diffId, ...form }));
    const earlier = (): LayerRef | null => {
      const record = index.record(key);
      if (record === null) return null;
      const there = this.#session.blobs.has(record.blob.digest) || index.locations(record.blob.digest).length > 0;
      return there ? { diffId: record.diffId, blob: record.blob } : null;
    };
    return (
      earlier() ??
      leases.hold(
        key,
        async () => {
          const made = earlier();
          if (made !== null) return made;
          const ref = await this.#make(layer, notAfter);
          const record = { key, outputKey: key, below: null, created: this.#session.clock(), ingredients: {}, slot: 'layer format' };
          index.transaction(() => {
            index.setDiffId(ref.blob, ref.diffId);
            index.saveRecord({ ...record, diffId: ref.diffId, blob: ref.blob });
          });
          return ref;
        },
        signal,
      )
    );
  }

  async #make(layer: LayerRef, notAfter: number | undefined): Promise<LayerRef> {
    const { blobs } = this.#session;
    await this.#registry.fetchSeen(layer);
    const { convertLayer } = await import('../../executor/layer/convert-layer.ts');
    const wanted = { ...this.#format, ...(notAfter === undefined ? {} : { notAfter }) };
    return convertLayer(layer, wanted, blobs, this.#session.signal);
  }
}
