// Manifests, indexes and configs from outside: parsed once, refused unless they are exactly one thing.
// CVE-2021-41190: a document that could be read as both must never get a digest's trust.
import type { Descriptor, Index, Manifest } from '../../core/descriptor.ts';
import { digestOf, isDigest } from '../../core/digest.ts';
import { TsbuildError } from '../../core/errors.ts';
import { isObject, isTextMap, parseObject } from '../../core/json-object.ts';
import { DOCKER_LIST, DOCKER_MANIFEST, isIndexType, isManifestType, OCI_INDEX, OCI_MANIFEST } from '../../core/media-types.ts';
import { cleanText } from './registry-error.ts';

export type ManifestDocument =
  | { readonly type: 'manifest'; readonly descriptor: Descriptor; readonly bytes: Buffer; readonly manifest: Manifest }
  | { readonly type: 'index'; readonly descriptor: Descriptor; readonly bytes: Buffer; readonly index: Index };

/** Bytes of the largest manifest or index taken, as in other clients. */
export const MAX_MANIFEST = 4 * 1024 * 1024;
/** An image has at most 127 layers on overlay; this only bounds hostile documents. */
const MAX_ENTRIES = 10_000;

export const ACCEPT_MANIFESTS = [OCI_INDEX, DOCKER_LIST, OCI_MANIFEST, DOCKER_MANIFEST].join(', ');

/**
 * Document of `bytes`. `declared` is the Content-Type or the media type of the descriptor that led here;
 * undefined lets the document speak for itself. `what` names it in the error 'registry/bad-manifest'.
 */
export function parseManifestDocument(bytes: Buffer, declared: string | undefined, what: string): ManifestDocument {
  const refuse = (reason: string, hint?: string): TsbuildError =>
    new TsbuildError({ code: 'registry/bad-manifest', message: `${what}: ${reason}`, ...(hint !== undefined && { hint }) });
  const json = parseObject(bytes);
  if (!json) throw refuse('the manifest is not a JSON object');
  if (json['schemaVersion'] === 1) {
    throw refuse('the image uses manifest schema 1, which registries gave up', 'Push the image again with a current tool.');
  }
  if (json['schemaVersion'] !== 2) throw refuse('schemaVersion is not 2');

  const mediaType = mediaTypeOf(json, declared, refuse);
  const isIndex = isIndexType(mediaType);
  const present = isIndex ? 'manifests' : 'layers';
  const foreign = isIndex ? ['layers', 'config', 'fsLayers', 'history'] : ['manifests', 'fsLayers', 'history'];
  const both = foreign.find((member) => Object.hasOwn(json, member));
  if (both !== undefined) throw refuse(`the document is ambiguous: ${isIndex ? 'an index' : 'a manifest'} with "${both}"`);
  // Go writes an empty list as null; in memory it is always a list.
  const entries: unknown = json[present] === null ? [] : json[present];
  if (!Array.isArray(entries)) throw refuse(`"${present}" is missing`);
  if (entries.length > MAX_ENTRIES) throw refuse(`more than ${MAX_ENTRIES} entries`);
  const bad = entries.findIndex((entry) => !isDescriptor(entry));
  if (bad !== -1) throw refuse(`${present}[${bad}] is not a valid descriptor`);
  if (!isIndex && !isDescriptor(json['config'])) throw refuse('"config" is not a valid descriptor');

  const descriptor: Descriptor = { mediaType, digest: digestOf(bytes), size: bytes.length };
  return isIndex
    ? { type: 'index', descriptor, bytes, index: { ...json, manifests: entries } as unknown as Index }
    : { type: 'manifest', descriptor, bytes, manifest: { ...json, layers: entries } as unknown as Manifest };
}

/** One media type that header and document agree on. */
function mediaTypeOf(json: Record<string, unknown>, declared: string | undefined, refuse: (reason: string) => TsbuildError): string {
  const inside = json['mediaType'];
  if (inside !== undefined && typeof inside !== 'string') throw refuse('"mediaType" is not text');
  const outside = declared?.split(';', 1)[0]?.trim().toLowerCase();
  const known = (type: string): boolean => isIndexType(type) || isManifestType(type);
  // Some registries answer with a generic JSON type; then only the document counts.
  const header = outside !== undefined && known(outside) ? outside : undefined;
  if (header === undefined && outside !== undefined && !/^(application\/(json|octet-stream)|text\/plain|)$/.test(outside)) {
    throw refuse(`unexpected media type ${JSON.stringify(cleanText(outside, 100))}`);
  }
  if (inside !== undefined && header !== undefined && inside !== header) {
    throw refuse(`the document says ${JSON.stringify(cleanText(inside, 100))}, the registry says ${JSON.stringify(header)}`);
  }
  const type = inside ?? header ?? (Object.hasOwn(json, 'manifests') ? OCI_INDEX : OCI_MANIFEST);
  if (!known(type)) throw refuse(`unexpected media type ${JSON.stringify(cleanText(type, 100))}`);
  return type;
}

const isText = (value: unknown): boolean => typeof value === 'string';
const isOptional = (value: unknown, test: (value: unknown) => boolean): boolean => value === undefined || value === null || test(value);
const isPlatform = (value: unknown): boolean =>
  isObject(value) &&
  isText(value['os']) &&
  isText(value['architecture']) &&
  isOptional(value['variant'], isText) &&
  isOptional(value['os.version'], isText);

function isDescriptor(value: unknown): value is Descriptor {
  if (!isObject(value)) return false;
  const { mediaType, digest, size, annotations, platform } = value;
  return (
    isText(mediaType) &&
    typeof digest === 'string' &&
    isDigest(digest) &&
    Number.isSafeInteger(size) &&
    (size as number) >= 0 &&
    isOptional(annotations, isTextMap) &&
    isOptional(platform, isPlatform)
  );
}
