// Downloads as files of the store (D-05…D-10): fetched at most once per build, revalidated when they are
// there already, checked against --checksum, which also saves asking at all.
import { createHash, type Hash } from 'node:crypto';
import { createGunzip } from 'node:zlib';
import { type Digest, isDigest, sha256Hex } from '../../../core/digest.ts';
import { errnoOf, TsbuildError } from '../../../core/errors.ts';
import { isObject, parseObject } from '../../../core/json-object.ts';
import { createTransport, type HttpResponse, type Transport } from '../../../push/registry/http/transport.ts';
import type { BuildRequest } from '../../request/build-request.ts';
import type { Session } from '../../session.ts';
import { parseHttpUrl } from './http-name.ts';
import { downloadError, httpAuthorization, httpGet } from './http-request.ts';

export interface HttpFile {
  readonly url: URL;
  readonly digest: Digest;
  readonly size: number;
  /** Seconds: Last-Modified, or the epoch. */
  readonly mtime: number;
  /** Content-Disposition. */
  readonly disposition?: string;
  /** Was in the store, and is still what the server has. */
  readonly known: boolean;
}

/** What is remembered of a URL. */
interface Fact {
  readonly digest: Digest;
  readonly size: number;
  readonly mtime: number;
  readonly etag?: string;
  /** Set when the file had been old enough for its time to tell versions apart. */
  readonly lastModified?: string;
  readonly disposition?: string;
}

/** A file larger than this is no download anybody wants in a layer. */
const MAX_BYTES = 16 * 1024 ** 3;
const KEEP_MS = 30 * 24 * 3600 * 1000;
/** Last-Modified counts in seconds: a file written twice in one would look unchanged (RFC 9110, 8.8.2.2). */
const SETTLED_MS = 60_000;

export class HttpFiles {
  readonly #session: Session;
  readonly #secrets: BuildRequest['secrets'];
  readonly #files = new Map<string, Promise<HttpFile>>();
  #transport: Transport | null = null;

  constructor(session: Session, secrets: BuildRequest['secrets']) {
    this.#session = session;
    this.#secrets = secrets;
  }

  /** `checksum` as of --checksum: `sha256:…`, `sha384:…` or `sha512:…`. */
  get(text: string, checksum?: string): Promise<HttpFile> {
    const key = `${checksum ?? ''} ${text}`;
    const known = this.#files.get(key);
    if (known !== undefined) return known;
    const file = this.#get(parseHttpUrl(text), checksum);
    this.#files.set(key, file);
    return file;
  }

  close(): void {
    this.#transport?.close();
  }

  async #get(url: URL, checksum: string | undefined): Promise<HttpFile> {
    const name = `http ${sha256Hex(url.href)}`;
    const fact = this.#remembered(name);
    if (fact !== null && fact.digest === checksum) return { ...fact, url, known: true };
    const fetched = await this.#fetch(url, fact, checksum !== undefined);
    if (checksum !== undefined) await this.#check(url, fetched, checksum);
    if (fetched !== fact) this.#session.index.setFact(name, JSON.stringify(fetched), KEEP_MS);
    return { ...fetched, url, known: fetched === fact };
  }

  #remembered(name: string): Fact | null {
    const text = this.#session.index.fact(name);
    const fact = text === null ? null : parseObject(text);
    return isFact(fact) && this.#session.blobs.size(fact.digest) === fact.size ? fact : null;
  }

  async #fetch(url: URL, fact: Fact | null, verified: boolean): Promise<Fact> {
    const { signal } = this.#session;
    this.#transport ??= createTransport(process.env);
    const headers: Record<string, string> = {};
    if (fact?.etag !== undefined) headers['if-none-match'] = fact.etag;
    else if (fact?.lastModified !== undefined) headers['if-modified-since'] = fact.lastModified;
    const authorization = httpAuthorization(url, this.#secrets);
    const response = await httpGet(this.#transport, { url, headers, authorization, verified, signal });
    const { status } = response;
    if (fact !== null && (status === 304 || isSameVersion(fact, response))) {
      response.body.destroy();
      return fact;
    }
    if (status >= 200 && status < 300) return this.#store(url, response);
    response.body.destroy();
    const unauthorised = status === 401 || status === 403;
    throw downloadError(url, `invalid response status ${status}`, {
      ...(unauthorised ? { hint: `Give a token with --secret id=HTTP_AUTH_TOKEN_${url.host},env=NAME.` } : {}),
      data: { status },
    });
  }

  async #store(url: URL, response: HttpResponse): Promise<Fact> {
    const writer = this.#session.blobs.writer();
    try {
      let size = 0;
      for await (const chunk of decodedBody(url, response)) {
        size += chunk.length;
        if (size > MAX_BYTES) throw downloadError(url, `larger than ${MAX_BYTES} bytes`);
        await writer.write(chunk);
      }
      const blob = await writer.commit();
      return { digest: blob.digest, size: blob.size, ...versionOf(response) };
    } catch (error) {
      await writer.abort();
      response.body.destroy();
      this.#session.signal.throwIfAborted();
      if (error instanceof TsbuildError) throw error;
      throw downloadError(url, `the connection broke (${errnoOf(error) ?? 'unknown error'})`, { cause: error });
    }
  }

  async #check(url: URL, fact: Fact, checksum: string): Promise<void> {
    const [algorithm = ''] = checksum.split(':');
    const got = algorithm === 'sha256' ? fact.digest : `${algorithm}:${await this.#hash(fact.digest, createHash(algorithm))}`;
    if (got === checksum) return;
    throw downloadError(url, `digest mismatch: got ${got}, expected ${checksum}`, {
      hint: 'Correct --checksum, or find out why the file changed.',
      data: { got, expected: checksum },
    });
  }

  async #hash(digest: Digest, hash: Hash): Promise<string> {
    for await (const chunk of this.#session.blobs.open(digest)) hash.update(chunk as Buffer);
    return hash.digest('hex');
  }
}

/** What may stand in a header (RFC 9110, 5.5). */
const HEADER_TEXT = /^[\t\x20-\x7e\x80-\xff]*$/;
/** Of what a Date counts, in seconds (ECMAScript, 21.4.1.1). */
const LATEST = 8.64e12;

/** The store is not believed: only what this file could have written is a fact. */
function isFact(value: unknown): value is Fact {
  if (!isObject(value)) return false;
  const { digest, size, mtime, etag, lastModified, disposition } = value;
  return (
    typeof digest === 'string' &&
    isDigest(digest) &&
    typeof size === 'number' &&
    Number.isSafeInteger(mtime) &&
    Math.abs(mtime as number) <= LATEST &&
    [etag, lastModified, disposition].every((text) => text === undefined || (typeof text === 'string' && HEADER_TEXT.test(text)))
  );
}

/** Servers that ignore conditions still say which version they send: then nothing has to be read. */
const isSameVersion = (fact: Fact, { status, headers }: HttpResponse): boolean =>
  status === 200 && fact.etag !== undefined && !fact.etag.startsWith('W/') && headers.etag === fact.etag;

function versionOf({ headers }: HttpResponse): Omit<Fact, 'digest' | 'size'> {
  const { etag } = headers;
  const modified = Date.parse(headers['last-modified'] ?? '');
  const settled = Date.parse(headers.date ?? '') - modified >= SETTLED_MS;
  const lastModified = settled ? headers['last-modified'] : undefined;
  const disposition = headers['content-disposition'];
  return {
    mtime: Number.isNaN(modified) ? 0 : Math.floor(modified / 1000),
    ...(etag === undefined ? {} : { etag }),
    ...(lastModified === undefined ? {} : { lastModified }),
    ...(disposition === undefined ? {} : { disposition }),
  };
}

/** Bytes of the file: a server that compresses although it was asked not to is understood, once. */
async function* decodedBody(url: URL, { headers, body }: HttpResponse): AsyncGenerator<Buffer> {
  const encoding = headers['content-encoding']?.trim().toLowerCase() ?? 'identity';
  if (encoding !== 'identity' && encoding !== 'gzip' && encoding !== 'x-gzip')
    throw downloadError(url, `content encoding ${JSON.stringify(encoding.slice(0, 40))} is not understood`);
  const length = Number(headers['content-length'] ?? Number.NaN);
  if (length > MAX_BYTES) throw downloadError(url, `larger than ${MAX_BYTES} bytes`);
  let received = 0;
  const counted = async function* (): AsyncGenerator<Buffer> {
    for await (const chunk of body) {
      received += (chunk as Buffer).length;
      yield chunk as Buffer;
    }
    if (!Number.isNaN(length) && received !== length) throw downloadError(url, `ended after ${received} of ${length} bytes`);
  };
  if (encoding === 'identity') {
    yield* counted();
    return;
  }
  const { Readable, pipeline } = await import('node:stream');
  const gunzip = createGunzip();
  // The callback only keeps the error from being unhandled: iterating throws it, too.
  pipeline(Readable.from(counted(), { objectMode: false }), gunzip, () => undefined);
  for await (const chunk of gunzip) yield chunk as Buffer;
}
