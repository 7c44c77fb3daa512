// oci-layout:// contexts (K-12): images of a layout directory become images of the store.
import { existsSync, readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import type { Descriptor } from '../../core/descriptor.ts';
import { isDigest, parseDigest } from '../../core/digest.ts';
import { InvariantError, TsbuildError } from '../../core/errors.ts';
import { matchPlatform, type Platform } from '../../core/platform.ts';
import type { ImageQuery, NamedContext } from '../../planner/facts.ts';
import { type LocalImage, openImage } from '../images/local-images.ts';
import type { Session } from '../session.ts';

const PREFIX = 'oci-layout://';
const REF_NAME = 'org.opencontainers.image.ref.name';

export const isOciLayout = (query: ImageQuery): boolean => query.reference.startsWith(PREFIX);

/** `DIR[:TAG][@DIGEST]`, without both the tag `latest`. The tag is looked up in index.json at once. */
export function parseOciLayout(name: string, text: string, workingDirectory: string): Extract<NamedContext, { type: 'oci-layout' }> {
  const at = text.lastIndexOf('@');
  const digest = at === -1 ? undefined : text.slice(at + 1);
  const location = at === -1 ? text : text.slice(0, at);
  const [, directory = '', tag] = /^(.*?)(?::([^/:]*))?$/s.exec(location) ?? [];
  const path = resolve(workingDirectory, directory);
  if (digest !== undefined) {
    if (isDigest(digest)) return { type: 'oci-layout', path, digest: parseDigest(digest) };
    throw invalid(name, `${JSON.stringify(digest.slice(0, 100))} is no digest`);
  }
  return { type: 'oci-layout', path, digest: taggedDigest(name, path, tag ?? 'latest') };
}

/** Read with little ceremony: whatever is named is verified when it is used. */
function taggedDigest(name: string, path: string, tag: string): Descriptor['digest'] {
  const file = `${path}/index.json`;
  if (!existsSync(file)) throw invalid(name, `${path} holds no index.json, so it is no OCI layout`);
  const entries = readIndex(name, file);
  const found = entries.filter((entry) => {
    const ref: unknown = entry.annotations?.[REF_NAME];
    return typeof ref === 'string' && (ref === tag || ref.endsWith(`:${tag}`));
  });
  const digests = new Set(found.map((entry) => entry.digest));
  const [digest] = digests;
  if (digest !== undefined && digests.size === 1 && isDigest(digest)) return digest;
  throw invalid(name, digests.size > 1 ? `several images are tagged ${tag}` : `no image is tagged ${tag}`);
}

function readIndex(name: string, file: string): readonly Descriptor[] {
  try {
    const index = JSON.parse(readFileSync(file, 'utf8')) as { readonly manifests?: readonly Descriptor[] };
    return (Array.isArray(index.manifests) ? index.manifests : []).filter((entry) => typeof entry?.digest === 'string');
  } catch {
    throw invalid(name, `${file} is no index of an OCI layout`);
  }
}

const invalid = (name: string, why: string): TsbuildError =>
  new TsbuildError({
    code: 'build/unsupported-source',
    message: `--build-context ${name}: ${why}`,
    hint: 'Write it as oci-layout://DIR@sha256:…, or oci-layout://DIR:TAG.',
  });

/** Copies the image for the query's platform into the store. */
export async function openLayoutImage(session: Session, query: ImageQuery): Promise<LocalImage> {
  const { path, digest } = partsOf(query.reference);
  const { readLayoutDirectory } = await import('../../push/assemble/layout-directory.ts');
  const [image] = await readLayoutDirectory(path, session.blobs, { digest, skip: (child) => !suits(query.platform, child) });
  const opened = image === undefined ? null : await openImage(session, image.descriptor, query.platform);
  if (opened !== null) return opened;
  throw new TsbuildError({
    code: 'build/no-such-image',
    message: `${query.reference} holds no image for ${query.platform.os}/${query.platform.architecture}`,
  });
}

const suits = (wanted: Platform, child: Descriptor): boolean =>
  matchPlatform(wanted, [child.platform === undefined ? {} : { platform: child.platform }]) !== null;

function partsOf(reference: string): { readonly path: string; readonly digest: Descriptor['digest'] } {
  const at = reference.lastIndexOf('@');
  const digest = reference.slice(at + 1);
  if (at === -1 || !isDigest(digest)) throw new InvariantError(`${reference} has no digest`);
  return { path: reference.slice(PREFIX.length, at), digest };
}
