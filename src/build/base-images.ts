// Base images: from the store when they are there, else from their registry; layers stay where they
// are until something reads them.
import type { Descriptor, LayerRef } from '../core/descriptor.ts';
import { type ChainId, chainIdOf, type Digest } from '../core/digest.ts';
import { InvariantError, invariant, TsbuildError } from '../core/errors.ts';
import { formatPlatform } from '../core/platform.ts';
import { familiarReference, formatReference, parseReference, type Reference } from '../core/reference.ts';
import { suggest } from '../core/suggest.ts';
import { type ImageFact, type ImageQuery, queryKey } from '../planner/facts.ts';
import { asVertex } from './as-vertex.ts';
import { type LocalImage, openImage } from './images/local-images.ts';
import type { RegistryAccess } from './registry-access.ts';
import { isOciLayout, openLayoutImage } from './remote/oci-layout.ts';
import type { Session } from './session.ts';
import { type Layer, layerOf } from './solve/layer.ts';

export interface BaseImage {
  readonly fact: ImageFact;
  /** As people write it. */
  readonly name: string;
  /** Registry that layers which are not in the store come from; null: from where they were seen. */
  readonly reference: Reference | null;
  readonly layers: readonly LayerRef[];
}

/** What is known of images by all builds of one command: each is asked for once. */
export interface KnownImages {
  readonly resolved: Map<string, Promise<BaseImage>>;
  /** Results of other builds of the command under the names that stand for them, in no store and no registry. */
  readonly built: Map<string, Descriptor>;
}

export const noImages = (): KnownImages => ({ resolved: new Map(), built: new Map() });

export class BaseImages {
  readonly #session: Session;
  readonly #registry: RegistryAccess;
  readonly #pull: boolean;
  readonly #known: KnownImages;
  readonly #byManifest = new Map<Digest, BaseImage>();

  constructor(session: Session, registry: RegistryAccess, pull: boolean, known = noImages()) {
    this.#session = session;
    this.#registry = registry;
    this.#pull = pull;
    this.#known = known;
  }

  async resolve(query: ImageQuery): Promise<BaseImage> {
    const { resolved } = this.#known;
    const key = `${queryKey(query)}${this.#pull ? ' anew' : ''}`;
    const resolving = resolved.get(key) ?? this.#resolve(query);
    resolved.set(key, resolving);
    const image = await resolving;
    this.#byManifest.set(image.fact.manifest, image);
    return image;
  }

  ofManifest(manifest: Digest): BaseImage {
    const image = this.#byManifest.get(manifest);
    if (image === undefined) throw new InvariantError(`image ${manifest} was never resolved`);
    return image;
  }

  chain(manifest: Digest): ChainId | null {
    return chainIdOf(this.ofManifest(manifest).layers.map((layer) => layer.diffId));
  }

  /** Layers for the solver; each brings its blob when first asked to. */
  layers(manifest: Digest): readonly Layer[] {
    const { name, reference, layers } = this.ofManifest(manifest);
    return layers.map((ref) => {
      const fetch = (signal: AbortSignal): Promise<void> =>
        reference === null ? this.#registry.fetchSeen(ref, signal) : this.#registry.fetchLayer(reference, ref, signal);
      return { ...layerOf(Promise.resolve({ ref })), image: name, fetch };
    });
  }

  async #resolve(query: ImageQuery): Promise<BaseImage> {
    const built = this.#known.built.get(query.reference);
    if (built !== undefined) return this.#fromBuild(query, built);
    const vertex = { id: `metadata ${queryKey(query)}`, name: `[internal] load metadata for ${query.reference}` };
    const { image } = await asVertex(
      this.#session,
      vertex,
      () => this.#find(query),
      (found) => found.cached,
    );
    return image;
  }

  async #find(query: ImageQuery): Promise<{ readonly image: BaseImage; readonly cached: boolean }> {
    if (isOciLayout(query))
      return { image: toBaseImage(null, query.reference, await openLayoutImage(this.#session, query)), cached: false };
    const reference = parseReference(query.reference);
    const local = this.#pull && reference.digest === undefined ? null : await this.#fromStore(query, reference);
    if (local !== null) return { image: local, cached: true };
    try {
      return { image: await this.#fromRegistry(query, reference), cached: false };
    } catch (error) {
      throw withGuess(error, query);
    }
  }

  /** Nothing to show: the build that made it was shown. */
  async #fromBuild(query: ImageQuery, built: Descriptor): Promise<BaseImage> {
    const image = await openImage(this.#session, built, query.platform);
    const name = familiarReference(parseReference(query.reference));
    if (image !== null) return toBaseImage(null, name, image);
    throw new TsbuildError({
      code: 'build/no-such-image',
      message: `${name} was not built for ${formatPlatform(query.platform)}`,
      hint: 'build both targets for the same platforms',
    });
  }

  async #fromStore(query: ImageQuery, reference: Reference): Promise<BaseImage | null> {
    const { index } = this.#session;
    const row =
      index.tag(formatReference(reference)) ??
      (reference.digest === undefined ? null : (index.tags().find((tag) => tag.target.digest === reference.digest) ?? null));
    if (row === null) return null;
    const image = await openImage(this.#session, row.target, query.platform);
    if (image === null) return null;
    return toBaseImage(reference, familiarReference(reference), image);
  }

  async #fromRegistry(query: ImageQuery, reference: Reference): Promise<BaseImage> {
    const pulled = await this.#registry.pull(reference, query.platform);
    return toBaseImage(reference, familiarReference(reference), pulled);
  }
}

/** What many files are based on, and what others misspell. */
const COMMON_IMAGES = ['alpine', 'busybox', 'centos', 'debian', 'fedora', 'golang', 'nginx', 'node', 'python', 'ubuntu'];

/** A misspelt stage is taken for an image. */
function withGuess(error: unknown, { near, reference }: ImageQuery): unknown {
  if (!(error instanceof TsbuildError)) return error;
  const name = /^docker\.io\/library\/([^:@/]+)/.exec(reference)?.[1];
  const image = name === undefined ? null : suggest(name, COMMON_IMAGES);
  const guess = near === undefined ? image : `the stage ${near}`;
  if (guess === null) return error;
  const { code, message, data } = error;
  return new TsbuildError({ code, message, hint: `did you mean ${guess}?`, cause: error, data });
}

function toBaseImage(reference: Reference | null, name: string, { manifestDescriptor, manifest, config }: LocalImage): BaseImage {
  const diffIds = config.rootfs.diff_ids;
  invariant(diffIds.length === manifest.layers.length, `registries and archives are asked for as many diffIDs as layers: ${name}`);
  return {
    fact: { manifest: manifestDescriptor.digest, config },
    name,
    reference,
    layers: manifest.layers.map((blob, at) => ({ blob, diffId: diffIds[at] as LayerRef['diffId'] })),
  };
}
