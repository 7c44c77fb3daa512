// Images in the store: finding them by what people type, and reading their manifests and configs.
import type { TagRow } from '../../cache/build-index.ts';
import type { Descriptor, ImageConfig, Manifest } from '../../core/descriptor.ts';
import type { Digest } from '../../core/digest.ts';
import { TsbuildError } from '../../core/errors.ts';
import { isIndexType } from '../../core/media-types.ts';
import { matchPlatform, type Platform } from '../../core/platform.ts';
import { familiarReference, formatReference, parseReference, tryParseReference, withDefaultTag } from '../../core/reference.ts';
import { suggest } from '../../core/suggest.ts';
import { readManifest } from '../../push/assemble/image-closure.ts';
import { parseImageConfig } from '../../push/registry/image-config-document.ts';
import type { Session } from '../session.ts';

export interface LocalImage {
  readonly manifestDescriptor: Descriptor;
  readonly manifest: Manifest;
  readonly config: ImageConfig;
}

export const normalisedName = (text: string): string => formatReference(withDefaultTag(parseReference(text)));

/** The short form people type, when the stored name is a reference. */
export function shownName(name: string): string {
  const parsed = tryParseReference(name);
  return parsed.ok ? familiarReference(parsed.reference) : name;
}

/** By name, or by (the beginning of) a manifest or config digest as `tsbuild images` shows it. */
export async function findImage(session: Session, text: string): Promise<TagRow> {
  const parsed = tryParseReference(text);
  if (parsed.ok) {
    const row = session.index.tag(formatReference(withDefaultTag(parsed.reference)));
    if (row !== null) return row;
    const { digest } = parsed.reference;
    const pinned = digest === undefined ? undefined : session.index.tags().find((tag) => tag.target.digest === digest);
    if (pinned !== undefined) return pinned;
  }
  const byDigest = await findByDigest(session, text);
  if (byDigest !== null) return byDigest;
  const names = session.index.tags().map((tag) => shownName(tag.name));
  const near = suggest(text, names);
  throw new TsbuildError({
    code: 'build/no-such-image',
    message: `no image ${JSON.stringify(text)} in the store`,
    hint: near === null ? "'tsbuild images' lists what is there; 'tsbuild pull NAME' fetches one" : `did you mean ${near}?`,
  });
}

async function findByDigest(session: Session, text: string): Promise<TagRow | null> {
  const hex = text.replace(/^sha256:/, '');
  if (!/^[0-9a-f]{4,64}$/.test(hex)) return null;
  const found = new Map<string, TagRow>();
  for (const row of session.index.tags()) {
    const ids = [row.target.digest, await configDigest(session, row.target)];
    if (ids.some((id) => id?.startsWith(`sha256:${hex}`))) found.set(row.target.digest, row);
  }
  return found.size === 1 ? ([...found.values()][0] ?? null) : null;
}

async function configDigest(session: Session, target: Descriptor): Promise<Digest | null> {
  if (isIndexType(target.mediaType) || !session.blobs.has(target.digest)) return null;
  const document = await readManifest(session.blobs, target);
  return document.type === 'manifest' ? document.manifest.config.digest : null;
}

/** The same for an image of an archive as for one that was pulled. Error: 'registry/bad-manifest'. */
async function readConfig(session: Session, { config, layers }: Manifest): Promise<ImageConfig> {
  const refuse = (reason: string): TsbuildError =>
    new TsbuildError({ code: 'registry/bad-manifest', message: `${config.digest}: ${reason}` });
  return parseImageConfig(await session.blobs.read(config.digest), layers.length, refuse);
}

/** Manifests an index lists for platforms; a manifest itself is the only one of its kind. */
export async function platformManifests(session: Session, target: Descriptor): Promise<readonly Descriptor[]> {
  if (!isIndexType(target.mediaType)) return [target];
  const document = await readManifest(session.blobs, target);
  return document.type === 'index' ? document.index.manifests.filter((manifest) => manifest.platform?.os !== 'unknown') : [];
}

/** The image for `platform`, or null when an index has none for it or its manifest was never fetched. */
export async function openImage(session: Session, target: Descriptor, platform: Platform): Promise<LocalImage | null> {
  const candidates = await platformManifests(session, target);
  const chosen = candidates.length === 1 && !isIndexType(target.mediaType) ? candidates[0] : matchPlatform(platform, candidates);
  if (chosen === undefined || chosen === null || !session.blobs.has(chosen.digest)) return null;
  const document = await readManifest(session.blobs, chosen);
  if (document.type === 'index') return null;
  const { manifest } = document;
  if (!session.blobs.has(manifest.config.digest)) return null;
  return { manifestDescriptor: chosen, manifest, config: await readConfig(session, manifest) };
}
