// What `images`, `inspect`, `history`, `tag` and `rmi` do. They return data; the CLI prints it.
import type { HistoryEntry, ImageConfig, Manifest } from '../../core/descriptor.ts';
import type { Digest } from '../../core/digest.ts';
import { TsbuildError } from '../../core/errors.ts';
import { formatPlatform, type Platform } from '../../core/platform.ts';
import { formatReference, tryParseReference, withDefaultTag } from '../../core/reference.ts';
import type { Session } from '../session.ts';
import { findImage, normalisedName, openImage, platformManifests, shownName } from './local-images.ts';

export interface ImageSummary {
  readonly name: string;
  readonly digest: Digest;
  /** Platforms, as `linux/amd64`. */
  readonly platforms: readonly string[];
  /** Milliseconds. */
  readonly created: number;
  /** Compressed bytes of layers and config over all platforms that are here. */
  readonly size: number;
}

export async function listImages(session: Session, host: Platform): Promise<readonly ImageSummary[]> {
  const out: ImageSummary[] = [];
  for (const row of session.index.tags()) {
    const manifests = session.blobs.has(row.target.digest) ? await platformManifests(session, row.target) : [];
    let size = 0;
    const platforms: string[] = [];
    for (const descriptor of manifests) {
      const image = await openImage(session, descriptor, descriptor.platform ?? host);
      if (image === null) continue;
      size += image.manifest.layers.reduce((sum, layer) => sum + layer.size, image.manifest.config.size);
      platforms.push(formatPlatform(image.config));
    }
    out.push({ name: shownName(row.name), digest: row.target.digest, platforms, created: row.created, size });
  }
  return out;
}

export interface ImageDetails {
  readonly name: string;
  readonly digest: Digest;
  readonly manifest: Manifest;
  readonly config: ImageConfig;
}

export async function inspectImage(session: Session, text: string, platform: Platform): Promise<ImageDetails> {
  const row = await findImage(session, text);
  const image = await openImage(session, row.target, platform);
  if (image === null) {
    throw new TsbuildError({
      code: 'build/no-such-image',
      message: `${shownName(row.name)} is not in the store for ${formatPlatform(platform)}`,
      hint: 'choose another --platform, or pull it',
    });
  }
  return { name: shownName(row.name), digest: image.manifestDescriptor.digest, manifest: image.manifest, config: image.config };
}

export interface HistoryRow extends HistoryEntry {
  /** Compressed bytes; 0 for entries without a layer. */
  readonly size: number;
}

/** Newest first, as `docker history` shows it. */
export async function imageHistory(session: Session, text: string, platform: Platform): Promise<readonly HistoryRow[]> {
  const { manifest, config } = await inspectImage(session, text, platform);
  const layers = [...manifest.layers];
  const rows = (config.history ?? []).map((entry) => ({ ...entry, size: entry.empty_layer === true ? 0 : (layers.shift()?.size ?? 0) }));
  return rows.reverse();
}

export async function tagImage(session: Session, source: string, target: string): Promise<string> {
  const row = await findImage(session, source);
  const name = normalisedName(target);
  session.index.setTag(name, row.target, session.clock());
  return name;
}

/** Removes names; blobs that nothing refers to any more go with the next prune. */
export async function untagImage(session: Session, text: string): Promise<readonly string[]> {
  const row = await findImage(session, text);
  const parsed = tryParseReference(text);
  const byName = parsed.ok && row.name === formatReference(withDefaultTag(parsed.reference));
  const names = byName
    ? [row.name]
    : session.index
        .tags()
        .filter((tag) => tag.target.digest === row.target.digest)
        .map((tag) => tag.name);
  for (const name of names) session.index.removeTag(name);
  return names.map(shownName);
}
