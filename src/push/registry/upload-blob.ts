// One blob from a stream of ours to a registry: mounted from another repository when it is there, else one
// PUT; after a broken connection continued from where the server says it is, or started over.
import type { Readable } from 'node:stream';
import { Transform } from 'node:stream';
import type { Descriptor } from '../../core/descriptor.ts';
import type { Digest } from '../../core/digest.ts';
import { errnoOf, TsbuildError } from '../../core/errors.ts';
import type { BlobLocation } from './fetch-blob.ts';
import type { HostResponse } from './follow-redirects.ts';
import { checkRedirect } from './realm.ts';
import type { HostRequest } from './registry-host.ts';
import { discardBody } from './response-body.ts';
import { type RetryPolicy, retryDelay, type Timer } from './retry.ts';
import { pullScope, pushScope, type TransferOptions } from './transfer.ts';

export interface UploadOptions extends TransferOptions {
  /** Bytes of the blob from `offset` on; called again for every attempt. */
  readonly open: (offset: number) => Readable;
  /** Called before the first byte is read, and only when bytes are needed. */
  readonly prepare?: () => Promise<void>;
  /** Repository paths on the same host that may hold the blob. */
  readonly mountFrom?: readonly string[];
  /** Bytes of one PATCH; absent sends the blob in a single PUT. */
  readonly chunkSize?: number | undefined;
  readonly retry: RetryPolicy;
  readonly timer: Timer;
}

export type UploadResult =
  | { readonly type: 'existed' }
  | { readonly type: 'mounted'; readonly from: string }
  | { readonly type: 'uploaded' };

/** More sources than this are not worth their round trips. */
const MAX_MOUNT_SOURCES = 3;

export async function hasBlob({ host, path }: BlobLocation, digest: Digest, scope: string, signal?: AbortSignal): Promise<boolean> {
  const response = await host.request({
    method: 'HEAD',
    target: `${path}/blobs/${digest}`,
    repository: path,
    scopes: [scope],
    accept: [200, 404],
    signal,
  });
  await discardBody(response.body);
  return response.status === 200;
}

/** true when the registry now has the blob in `path`; else the location of the upload it opened instead. */
export async function mountBlob(location: BlobLocation, digest: Digest, from: string, signal?: AbortSignal): Promise<true | URL> {
  const { path } = location;
  const query = new URLSearchParams({ mount: digest, from });
  // A source that may not be read must not fail the push: the answer is then a plain upload.
  const response = await startRequest(location, `?${query}`, [pushScope(path), pullScope(from)], signal);
  return response.status === 201 ? true : locationOf(location, response);
}

/** Resolves when the registry has the blob. Idempotent. */
export async function uploadBlob(location: BlobLocation, descriptor: Descriptor, options: UploadOptions): Promise<UploadResult> {
  const { signal, retry, timer, onProgress } = options;
  const { digest, size } = descriptor;
  if (await hasBlob(location, digest, pushScope(location.path), signal)) {
    onProgress?.({ digest, current: size, total: size });
    return { type: 'existed' };
  }
  let opened: URL | null = null;
  for (const from of (options.mountFrom ?? []).filter((source) => source !== location.path).slice(0, MAX_MOUNT_SOURCES)) {
    if (opened) await cancelUpload(location, opened, signal);
    const mounted = await mountBlob(location, digest, from, signal);
    if (mounted === true) {
      onProgress?.({ digest, current: size, total: size });
      return { type: 'mounted', from };
    }
    opened = mounted;
  }

  await options.prepare?.();
  const upload = new Upload(location, descriptor, options, opened);
  for (let attempt = 1; ; attempt += 1) {
    try {
      await upload.run();
      return { type: 'uploaded' };
    } catch (error) {
      if (attempt >= retry.attempts || !upload.isOpen || !isResumable(error)) throw error;
      await timer.sleep(retryDelay(attempt, retry, timer, retryAfterOf(error)), signal);
      if (await upload.recover()) attempt = 0;
    }
  }
}

/** What ended one attempt but not the upload: the network, the server, or a session it forgot. */
function isResumable(error: unknown): boolean {
  if (!(error instanceof TsbuildError)) return false;
  const status = error.data['status'];
  if (typeof status === 'number') return status >= 500 || [404, 408, 409, 416, 429].includes(status);
  return error.code === 'registry/unreachable' && errnoOf(error.cause) !== undefined;
}

const retryAfterOf = (error: unknown): string | undefined =>
  error instanceof TsbuildError && typeof error.data['retryAfter'] === 'string' ? error.data['retryAfter'] : undefined;

async function startRequest(location: BlobLocation, query: string, scopes: readonly string[], signal?: AbortSignal): Promise<HostResponse> {
  const response = await location.host.request({
    method: 'POST',
    target: `${location.path}/blobs/uploads/${query}`,
    repository: location.path,
    scopes,
    headers: { 'content-length': '0' },
    accept: [201, 202],
    signal,
  });
  await discardBody(response.body);
  return response;
}

/** Where the next request of an upload goes: relative or absolute, with the state the server put into its query. */
const locationOf = (_location: BlobLocation, response: HostResponse): URL =>
  checkRedirect(response.headers.location, response.url, response.url);

/** Frees the server's half upload; whether that works is the server's business. */
async function cancelUpload({ host, path }: BlobLocation, target: URL, signal?: AbortSignal): Promise<void> {
  try {
    const response = await host.request({
      method: 'DELETE',
      target,
      repository: path,
      scopes: [pushScope(path)],
      accept: [200, 202, 204, 404, 405],
      attempts: 1,
      signal,
    });
    await discardBody(response.body);
  } catch (error) {
    if (!(error instanceof TsbuildError)) throw error;
  }
}

/** State of one upload session: where it is on the server and how far. */
class Upload {
  readonly #location: BlobLocation;
  readonly #descriptor: Descriptor;
  readonly #options: UploadOptions;
  #target: URL | null;
  /** Bytes the server has for certain. */
  #offset = 0;
  /** Furthest the server ever got, to tell progress from running in circles. */
  #best = 0;

  constructor(location: BlobLocation, descriptor: Descriptor, options: UploadOptions, target: URL | null) {
    this.#location = location;
    this.#descriptor = descriptor;
    this.#options = options;
    this.#target = target;
  }

  /** false until the server has agreed to an upload: its refusal was repeated as often as is useful. */
  get isOpen(): boolean {
    return this.#target !== null;
  }

  /** Sends all that is missing. */
  async run(): Promise<void> {
    const { path } = this.#location;
    const { chunkSize, signal } = this.#options;
    const { size, digest } = this.#descriptor;
    this.#target ??= locationOf(this.#location, await startRequest(this.#location, '', [pushScope(path)], signal));
    // A session that has bytes is continued with PATCH: not every server takes the rest with the closing PUT.
    while (this.#offset < size && (chunkSize !== undefined || this.#offset > 0)) {
      await this.#patch(Math.min(size, this.#offset + (chunkSize ?? size)));
    }
    const target = new URL(this.#target);
    target.searchParams.set('digest', digest);
    const from = this.#offset;
    const response = await this.#send({
      method: 'PUT',
      target,
      ...(from < size
        ? { headers: bytesHeaders(size - from), body: () => this.#open(from, size) }
        : { headers: { 'content-length': '0' } }),
      accept: [201, 202, 204],
    });
    const stored = response.headers['docker-content-digest'];
    if (stored !== undefined && stored !== digest) {
      throw new TsbuildError({
        code: 'registry/digest-mismatch',
        message: `${this.#location.host.host}: stored ${digest} as another digest`,
      });
    }
    this.#report(size);
  }

  async #patch(end: number): Promise<void> {
    const from = this.#offset;
    const response = await this.#send({
      method: 'PATCH',
      target: this.#target ?? '',
      headers: { ...bytesHeaders(end - from), 'content-range': `${from}-${end - 1}` },
      body: () => this.#open(from, end),
      accept: [202, 204, 201],
    });
    const reached = rangeEnd(response.headers.range) ?? end;
    if (reached <= from || reached > end) {
      throw new TsbuildError({
        code: 'registry/protocol',
        message: `${this.#location.host.host}: the upload of ${this.#descriptor.digest} does not advance`,
      });
    }
    this.#target = response.headers.location === undefined ? this.#target : locationOf(this.#location, response);
    this.#offset = reached;
  }

  /**
   * After a failed attempt: asks the server how far it is; a server that does not know starts over. true
   * when more bytes have arrived than ever before.
   */
  async recover(): Promise<boolean> {
    const target = this.#target;
    this.#target = null;
    this.#offset = 0;
    if (!target) return false;
    try {
      const response = await this.#send({ method: 'GET', target, accept: [204, 200, 202] });
      const reached = rangeEnd(response.headers.range) ?? 0;
      if (reached > this.#descriptor.size) return false;
      this.#offset = reached;
      this.#target = response.headers.location === undefined ? target : locationOf(this.#location, response);
    } catch (error) {
      if (!(error instanceof TsbuildError)) throw error;
      return false;
    }
    this.#report(this.#offset);
    const advanced = this.#offset > this.#best;
    this.#best = Math.max(this.#best, this.#offset);
    return advanced;
  }

  async #send(request: Pick<HostRequest, 'method' | 'target' | 'headers' | 'body' | 'accept'>): Promise<HostResponse> {
    const { host, path } = this.#location;
    const response = await host.request({
      ...request,
      repository: path,
      scopes: [pushScope(path)],
      attempts: 1,
      signal: this.#options.signal,
    });
    await discardBody(response.body);
    return response;
  }

  #open(from: number, end: number): Readable {
    const source = this.#options.open(from);
    let at = from;
    const limited = new Transform({
      transform: (chunk: Buffer, _encoding, done) => {
        const piece = chunk.subarray(0, end - at);
        at += piece.length;
        if (piece.length > 0) this.#report(at);
        done(null, piece);
        if (at < end) return;
        source.unpipe(limited);
        limited.end();
      },
      // A short body under a longer Content-Length would leave the server waiting.
      flush: (done) => done(at < end ? this.#tooShort() : null),
    });
    source.on('error', (error) => limited.destroy(error));
    limited.on('close', () => source.destroy());
    return source.pipe(limited);
  }

  #tooShort(): TsbuildError {
    const { digest, size } = this.#descriptor;
    return new TsbuildError({
      code: 'registry/digest-mismatch',
      message: `blob ${digest} is shorter than the ${size} bytes its descriptor says`,
    });
  }

  #report(current: number): void {
    const { digest, size } = this.#descriptor;
    this.#options.onProgress?.({ digest, current, total: size });
  }
}

const bytesHeaders = (length: number): Record<string, string> => ({
  'content-type': 'application/octet-stream',
  'content-length': String(length),
});

/** Bytes the server has, from `Range: 0-499` (500). `0-0` is what servers say for none and for one. */
function rangeEnd(range: string | undefined): number | undefined {
  const end = /^(?:bytes=)?0-(\d{1,15})$/.exec(range ?? '')?.[1];
  if (end === undefined) return undefined;
  return end === '0' ? 0 : Number(end) + 1;
}
