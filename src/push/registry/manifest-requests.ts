// The three requests about manifests: HEAD to resolve, GET to read, PUT to store.
import type { Descriptor } from '../../core/descriptor.ts';
import { type Digest, digestOf, isDigest } from '../../core/digest.ts';
import { TsbuildError } from '../../core/errors.ts';
import { isIndexType, isManifestType } from '../../core/media-types.ts';
import { familiarReference, type Reference } from '../../core/reference.ts';
import type { BlobLocation } from './fetch-blob.ts';
import type { HostResponse } from './http/follow-redirects.ts';
import { discardBody, readBounded } from './http/response-body.ts';
import { ACCEPT_MANIFESTS, MAX_MANIFEST, type ManifestDocument, parseManifestDocument } from './manifest-document.ts';
import { pullScope, pushScope } from './transfer.ts';

/** Digest before tag: a reference with both means the digest. */
const nameOf = (reference: Reference): string => reference.digest ?? reference.tag ?? 'latest';

function request(
  location: BlobLocation,
  method: 'GET' | 'HEAD',
  name: string,
  accept: readonly number[],
  signal?: AbortSignal,
): Promise<HostResponse> {
  const { host, path } = location;
  const headers = { accept: ACCEPT_MANIFESTS, 'accept-encoding': 'identity' };
  return host.request({
    method,
    target: `${path}/manifests/${name}`,
    repository: path,
    scopes: [pullScope(path)],
    headers,
    accept,
    signal,
  });
}

/** Descriptor of what the reference names. One HEAD; a GET where the registry's headers do not suffice. */
export async function headManifest(location: BlobLocation, reference: Reference, signal?: AbortSignal): Promise<Descriptor> {
  const response = await missingAs(reference, request(location, 'HEAD', nameOf(reference), [200, 405, 501], signal));
  await discardBody(response.body);
  const { 'docker-content-digest': digest, 'content-type': type = '', 'content-length': length = '' } = response.headers;
  const mediaType = type.split(';', 1)[0]?.trim() ?? '';
  const size = /^\d{1,9}$/.test(length) ? Number(length) : -1;
  const usable = response.status === 200 && typeof digest === 'string' && isDigest(digest) && size > 0 && size <= MAX_MANIFEST;
  if (!usable || !(isIndexType(mediaType) || isManifestType(mediaType))) {
    return (await fetchManifest(location, reference, undefined, signal)).descriptor;
  }
  if (reference.digest !== undefined && digest !== reference.digest) throw mismatch(location, reference.digest, digest);
  return { mediaType, digest, size };
}

/** Digest a tag has now, or null when it is new or may not be read. Asked before a push, with the scopes of one. */
export async function tagDigest({ host, path }: BlobLocation, reference: Reference, signal?: AbortSignal): Promise<Digest | null> {
  const response = await host.request({
    method: 'HEAD',
    target: `${path}/manifests/${nameOf(reference)}`,
    repository: path,
    scopes: [pushScope(path)],
    headers: { accept: ACCEPT_MANIFESTS },
    accept: [200, 403, 404, 405, 501],
    signal,
  });
  await discardBody(response.body);
  const digest = response.headers['docker-content-digest'];
  return response.status === 200 && typeof digest === 'string' && isDigest(digest) ? digest : null;
}

/** Manifest or index, with digest, size and kind checked against the descriptor or reference that led here. */
export async function fetchManifest(
  location: BlobLocation,
  reference: Reference,
  descriptor: Descriptor | undefined,
  signal?: AbortSignal,
): Promise<ManifestDocument> {
  const name = descriptor?.digest ?? nameOf(reference);
  const response = await missingAs(reference, request(location, 'GET', name, [200], signal));
  const what = `${location.host.host}/${location.path} manifest ${name}`;
  const bytes = await readBounded(response.body, MAX_MANIFEST, what);
  const actual = digestOf(bytes);
  const header = response.headers['docker-content-digest'];
  const expected = descriptor?.digest ?? reference.digest ?? (typeof header === 'string' && isDigest(header) ? header : actual);
  if (actual !== expected) throw mismatch(location, expected, actual);
  if (descriptor && bytes.length !== descriptor.size) {
    throw new TsbuildError({
      code: 'registry/digest-mismatch',
      message: `${what} has ${bytes.length} bytes, its descriptor says ${descriptor.size}`,
    });
  }
  const document = parseManifestDocument(bytes, response.headers['content-type'], what);
  if (descriptor && document.descriptor.mediaType !== descriptor.mediaType) {
    throw new TsbuildError({
      code: 'registry/bad-manifest',
      message: `${what} is a ${document.descriptor.mediaType}, its descriptor says ${descriptor.mediaType}`,
    });
  }
  return document;
}

/** Stores under tag or digest. Idempotent. */
export async function putManifest(
  location: BlobLocation,
  reference: Reference,
  mediaType: string,
  bytes: Uint8Array,
  signal?: AbortSignal,
): Promise<Descriptor> {
  const { host, path } = location;
  const digest = digestOf(bytes);
  const name = reference.tag ?? reference.digest ?? digest;
  const response = await host.request({
    method: 'PUT',
    target: `${path}/manifests/${name}`,
    repository: path,
    scopes: [pushScope(path)],
    headers: { 'content-type': mediaType, 'content-length': String(bytes.length) },
    body: () => bytes,
    accept: [200, 201, 202, 204],
    signal,
  });
  await discardBody(response.body);
  const stored = response.headers['docker-content-digest'];
  if (typeof stored === 'string' && stored !== digest) throw mismatch(location, digest, stored);
  return { mediaType, digest, size: bytes.length };
}

const mismatch = ({ host, path }: BlobLocation, expected: Digest, actual: string): TsbuildError =>
  new TsbuildError({
    code: 'registry/digest-mismatch',
    message: `${host.host}/${path}: expected manifest ${expected}, got ${actual.slice(0, 100)}`,
    hint: 'A mirror or proxy between here and the registry altered it, or the registry is damaged.',
  });

/** A missing image is named as the user wrote it. */
async function missingAs<T>(reference: Reference, response: Promise<T>): Promise<T> {
  try {
    return await response;
  } catch (error) {
    if (!(error instanceof TsbuildError) || error.code !== 'registry/not-found') throw error;
    throw new TsbuildError({
      code: error.code,
      message: `${familiarReference(reference)}: not found (${error.message})`,
      hint: 'Check the name and the tag.',
      cause: error,
      data: error.data,
    });
  }
}
