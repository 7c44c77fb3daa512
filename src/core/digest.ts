// Content identities. Every identity in tsbuild is a sha256 over bytes, but a digest of compressed
// bytes must never stand where a diffID is due, so each meaning has its own brand. The only casts
// from string to a brand in the code base are in this file.
import { createHash, hash } from 'node:crypto';
import { TsbuildError } from './errors.ts';

declare const meaning: unique symbol;
type Branded<M extends string> = `sha256:${string}` & { readonly [meaning]: M };

/** Digest of a blob exactly as stored and transferred (OCI descriptor `digest`). */
export type Digest = Branded<'blob'>;
/** Digest of a layer's uncompressed tar (OCI config `rootfs.diff_ids[]`). */
export type DiffId = Branded<'diff'>;
/** Cumulative identity of a layer stack (image-spec config.md, "Layer ChainID"). */
export type ChainId = Branded<'chain'>;
/** Identity of the work of one vertex including its inputs; names a build record. */
export type CacheKey = Branded<'cache'>;
/** Identity of file content selected by a COPY/ADD source or a read-only mount; mtimes excluded. */
export type ContentKey = Branded<'content'>;

const SHA256 = /^sha256:[0-9a-f]{64}$/;

export const isDigest = (text: string): text is Digest => SHA256.test(text);

function parse<T extends string>(text: string, what: string): T {
  if (!SHA256.test(text)) {
    throw new TsbuildError({
      code: 'store/bad-digest',
      message: `${what} ${JSON.stringify(text.slice(0, 100))} is not of the form sha256:<64 hex digits>`,
    });
  }
  return text as T;
}

export const parseDigest = (text: string): Digest => parse<Digest>(text, 'digest');
export const parseDiffId = (text: string): DiffId => parse<DiffId>(text, 'diffID');
export const parseChainId = (text: string): ChainId => parse<ChainId>(text, 'chainID');
export const parseCacheKey = (text: string): CacheKey => parse<CacheKey>(text, 'cache key');
export const parseContentKey = (text: string): ContentKey => parse<ContentKey>(text, 'content key');

/** The 64 hex digits, safe as a file name because every brand was validated when made. */
export const hexOf = (digest: Digest | DiffId | ChainId | CacheKey | ContentKey): string => digest.slice(7);

export const sha256Hex = (bytes: string | Uint8Array): string => hash('sha256', bytes);

export const digestOf = (bytes: string | Uint8Array): Digest => `sha256:${sha256Hex(bytes)}` as Digest;
export const contentKeyOf = (bytes: string | Uint8Array): ContentKey => `sha256:${sha256Hex(bytes)}` as ContentKey;
export const cacheKeyOf = (bytes: string | Uint8Array): CacheKey => `sha256:${sha256Hex(bytes)}` as CacheKey;

/** Incremental hashing for streams; `update` any number of times, then one of the getters once. */
export interface Hasher {
  update(bytes: string | Uint8Array): void;
  digest(): Digest;
  diffId(): DiffId;
  contentKey(): ContentKey;
}

export function hasher(): Hasher {
  const sha256 = createHash('sha256');
  const hex = (): string => `sha256:${sha256.digest('hex')}`;
  return {
    update: (bytes) => {
      sha256.update(bytes);
    },
    digest: () => hex() as Digest,
    diffId: () => hex() as DiffId,
    contentKey: () => hex() as ContentKey,
  };
}

/** chainID of a stack with one layer more; `below` null is scratch. */
export const extendChain = (below: ChainId | null, diffId: DiffId): ChainId =>
  (below === null ? diffId : `sha256:${sha256Hex(`${below} ${diffId}`)}`) as string as ChainId;

/** chainID of `diffIds` in order (base first); null for an empty stack (scratch). */
export function chainIdOf(diffIds: readonly DiffId[]): ChainId | null {
  let chain: ChainId | null = null;
  for (const diffId of diffIds) chain = extendChain(chain, diffId);
  return chain;
}
