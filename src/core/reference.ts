// Image references as Docker writes them (grammar of distribution/reference): `[domain/]path[:tag][@digest]`,
// with Docker Hub filled in for short names. Everything here is text; nothing asks a registry.
import { type Digest, isDigest } from './digest.ts';
import { TsbuildError } from './errors.ts';

/** A normalised reference: `busybox` is `{ domain: 'docker.io', path: 'library/busybox' }`. */
export interface Reference {
  /** `host[:port]`; IPv6 hosts keep their brackets. */
  readonly domain: string;
  /** Repository path without the domain. */
  readonly path: string;
  readonly tag?: string;
  readonly digest?: Digest;
}

export type ReferenceResult = { readonly ok: true; readonly reference: Reference } | { readonly ok: false; readonly reason: string };

const HUB = 'docker.io';
const LEGACY_HUB = 'index.docker.io';
const OFFICIAL = 'library/';
/** Longest repository path distribution accepts. */
const MAX_PATH = 255;
/** No valid reference is longer; bounds the work spent on hostile text. */
const MAX_TEXT = 1024;

const DOMAIN =
  /^(?:(?:[a-zA-Z0-9]|[a-zA-Z0-9][a-zA-Z0-9-]*[a-zA-Z0-9])(?:\.(?:[a-zA-Z0-9]|[a-zA-Z0-9][a-zA-Z0-9-]*[a-zA-Z0-9]))*|\[[a-fA-F0-9:]+\])(?::[0-9]{1,5})?$/;
const COMPONENT = /^[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*$/;
const TAG = /^\w[\w.-]{0,127}$/;
const BARE_DIGEST = /^[a-f0-9]{64}$/;

const refuse = (reason: string): ReferenceResult => ({ ok: false, reason });

/** Parses and normalises; `reason` reads as in Docker ("invalid reference format…"). Adds no tag. */
export function tryParseReference(text: string): ReferenceResult {
  if (text === '') return refuse('invalid reference format: the name is empty');
  if (text.length > MAX_TEXT) return refuse('invalid reference format: the name is too long');
  if (BARE_DIGEST.test(text)) return refuse('invalid repository name: 64 hexadecimal digits alone cannot be a name');

  const at = text.indexOf('@');
  const digest = at === -1 ? undefined : text.slice(at + 1);
  if (digest !== undefined && !isDigest(digest)) return refuse('invalid reference format: the digest must be sha256:<64 hex digits>');

  const { domain, remainder } = splitDomain(at === -1 ? text : text.slice(0, at));
  const colon = remainder.indexOf(':');
  const path = colon === -1 ? remainder : remainder.slice(0, colon);
  const tag = colon === -1 ? undefined : remainder.slice(colon + 1);

  if (/[A-Z]/.test(path)) return refuse(`invalid reference format: repository name (${path}) must be lowercase`);
  if (!DOMAIN.test(domain) || !path.split('/').every((component) => COMPONENT.test(component))) return refuse('invalid reference format');
  if (path.length > MAX_PATH) return refuse(`invalid reference format: repository name must not be more than ${MAX_PATH} characters`);
  if (tag !== undefined && !TAG.test(tag))
    return refuse('invalid reference format: a tag is 1 to 128 of letters, digits, "_", "." and "-"');
  return { ok: true, reference: { domain, path, ...(tag !== undefined && { tag }), ...(digest !== undefined && { digest }) } };
}

/** The first component is a domain when it could not be a Hub user: it has a dot, a port, capitals, or is `localhost`. */
function splitDomain(name: string): { domain: string; remainder: string } {
  const slash = name.indexOf('/');
  const first = slash === -1 ? '' : name.slice(0, slash);
  const named = first === 'localhost' || /[.:]/.test(first) || first !== first.toLowerCase();
  const domain = !named || first === LEGACY_HUB ? HUB : first;
  const remainder = named ? name.slice(slash + 1) : name;
  return { domain, remainder: domain === HUB && !remainder.includes('/') ? OFFICIAL + remainder : remainder };
}

/** As `tryParseReference`; throws 'registry/bad-reference'. */
export function parseReference(text: string): Reference {
  const result = tryParseReference(text);
  if (result.ok) return result.reference;
  throw new TsbuildError({
    code: 'registry/bad-reference',
    message: `${JSON.stringify(text.slice(0, 200))}: ${result.reason}`,
    hint: 'An image is named [HOST[:PORT]/]NAME[:TAG][@sha256:…], in lower case.',
  });
}

/** `latest` where neither tag nor digest is given. */
export const withDefaultTag = (reference: Reference): Reference =>
  reference.tag === undefined && reference.digest === undefined ? { ...reference, tag: 'latest' } : reference;

/** `domain/path`: how credentials, mount sources and blob locations name a repository. */
export const repositoryOf = (reference: Reference): string => `${reference.domain}/${reference.path}`;

const suffixOf = ({ tag, digest }: Reference): string => `${tag === undefined ? '' : `:${tag}`}${digest === undefined ? '' : `@${digest}`}`;

/** Full form: `docker.io/library/busybox:1.36`. Parsing it gives the same reference. */
export const formatReference = (reference: Reference): string => `${repositoryOf(reference)}${suffixOf(reference)}`;

/** Short form as people type it: `busybox:1.36`, `user/app`. */
export function familiarReference(reference: Reference): string {
  const { domain, path } = reference;
  if (domain !== HUB) return formatReference(reference);
  const short = path.startsWith(OFFICIAL) && !path.includes('/', OFFICIAL.length) ? path.slice(OFFICIAL.length) : path;
  return `${short}${suffixOf(reference)}`;
}
