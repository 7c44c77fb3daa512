// What an archive or layout holds: its images, complete and checked. Both readers end here, after the
// blobs are in the store or can be brought there one by one.
import type { BlobStore } from '../../cache/blob-store.ts';
import type { Descriptor, ImageConfig } from '../../core/descriptor.ts';
import { TsbuildError } from '../../core/errors.ts';
import { DOCKER_CONFIG, isIndexType, isManifestType, OCI_CONFIG } from '../../core/media-types.ts';
import { formatReference, tryParseReference, withDefaultTag } from '../../core/reference.ts';
import { parseImageConfig } from '../registry/image-config-document.ts';
import { type ManifestDocument, parseManifestDocument } from '../registry/manifest-document.ts';
import { NAME_ANNOTATION, REF_ANNOTATION } from './layout-index.ts';

export interface ArchivedImage {
  /** Manifest or index, in the store with everything below it. */
  readonly descriptor: Descriptor;
  /** Normalised (`docker.io/library/app:1`); empty for an image without a name. */
  readonly names: readonly string[];
}

/** Puts a blob of the archive into the store; false when the archive has none of that digest. */
export type BringBlob = (blob: Descriptor) => Promise<boolean>;

export interface ResolveOptions {
  /** Manifests of an index to leave out, for example other platforms. */
  readonly skip?: (manifest: Descriptor) => boolean;
}

const MAX_DEPTH = 4;

export const badArchive = (detail: string, cause?: unknown): TsbuildError =>
  new TsbuildError({
    code: 'image/bad-archive',
    message: `the image archive is not usable: ${detail}`,
    hint: 'make the archive again with `docker save`, `podman save` or --output type=oci',
    ...(cause === undefined ? {} : { cause }),
  });

/** Groups the entries of index.json by digest and brings all their blobs; anything missing is an error. */
export async function resolveLayout(
  entries: readonly Descriptor[],
  store: BlobStore,
  bring: BringBlob,
  options: ResolveOptions = {},
): Promise<ArchivedImage[]> {
  const images = new Map<string, { descriptor: Descriptor; names: Set<string> }>();
  for (const entry of entries) {
    if (!(isIndexType(entry.mediaType) || isManifestType(entry.mediaType))) continue;
    const name = nameOf(entry);
    const image = images.get(entry.digest) ?? { descriptor: bareDescriptor(entry), names: new Set() };
    if (name !== null) image.names.add(name);
    images.set(entry.digest, image);
  }
  for (const { descriptor } of images.values()) {
    if (!(await bringImage(descriptor, store, bring, options, 0))) throw incomplete('manifest', descriptor, 'index.json');
  }
  return [...images.values()].map(({ descriptor, names }) => ({ descriptor, names: [...names] }));
}

/** Annotations of a layout belong to the layout, not to the image. */
const bareDescriptor = ({ mediaType, digest, size, platform }: Descriptor): Descriptor => ({
  mediaType,
  digest,
  size,
  ...(platform && { platform }),
});

/** containerd's full name, or the ref name where tools like podman put the whole reference there; a bare tag names nothing. */
function nameOf(entry: Descriptor): string | null {
  const full = entry.annotations?.[NAME_ANNOTATION];
  const ref = entry.annotations?.[REF_ANNOTATION];
  if (full !== undefined) return normaliseName(full);
  return ref !== undefined && /[/:]/.test(ref) ? normaliseName(ref) : null;
}

/** Null for text that is no reference. */
export function normaliseName(text: string): string | null {
  const parsed = tryParseReference(text);
  return parsed.ok ? formatReference(withDefaultTag(parsed.reference)) : null;
}

/** False when the document itself is not there. */
async function bringImage(
  descriptor: Descriptor,
  store: BlobStore,
  bring: BringBlob,
  options: ResolveOptions,
  depth: number,
): Promise<boolean> {
  if (depth > MAX_DEPTH) throw badArchive(`indexes are nested more than ${MAX_DEPTH} deep`);
  if (!(await bring(descriptor))) return false;
  const document = await parseDocument(descriptor, store);
  if (document.type === 'index') {
    let found = 0;
    for (const child of document.index.manifests) {
      if (options.skip?.(child) === true) continue;
      // `docker save` names platforms that it does not include.
      if (await bringImage(child, store, bring, options, depth + 1)) found++;
    }
    if (found === 0 && document.index.manifests.length > 0) throw incomplete('every manifest', descriptor, 'the index');
    return true;
  }
  const { config, layers } = document.manifest;
  for (const blob of [config, ...layers]) {
    if (!(await bring(blob))) throw incomplete(blob === config ? 'config' : 'layer', blob, `manifest ${descriptor.digest}`);
  }
  if (config.mediaType === OCI_CONFIG || config.mediaType === DOCKER_CONFIG)
    parseArchivedConfig(await store.read(config.digest), layers.length);
  return true;
}

async function parseDocument(descriptor: Descriptor, store: BlobStore): Promise<ManifestDocument> {
  const size = store.size(descriptor.digest);
  if (size !== null && size !== descriptor.size) throw badArchive(`${descriptor.digest} has ${size} bytes, not ${descriptor.size}`);
  return parseManifestDocument(await store.read(descriptor.digest), descriptor.mediaType, `manifest ${descriptor.digest} in the archive`);
}

/** The config of an image with `layers` layers. Error: 'image/bad-archive'. */
export const parseArchivedConfig = (bytes: Buffer, layers: number): ImageConfig => parseImageConfig(bytes, layers, badArchive);

const incomplete = (what: string, blob: Descriptor, of: string): TsbuildError =>
  new TsbuildError({
    code: 'image/incomplete-archive',
    message: `the image archive lacks ${what} ${blob.digest}, named by ${of}`,
    hint: 'save the image again with all its layers',
    data: { digest: blob.digest },
  });
