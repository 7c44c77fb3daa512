// One upload session on a registry: where it is, how far it got, and how it goes on after a failure. The
// specification's POST, PATCH and PUT, with the state that servers hide in the Location's query.
import type { Readable } from 'node:stream';
import { Transform } from 'node:stream';
import type { Descriptor } from '../../core/descriptor.ts';
import { TsbuildError } from '../../core/errors.ts';
import { checkRedirect } from './auth/realm.ts';
import type { BlobLocation } from './fetch-blob.ts';
import type { HostResponse } from './http/follow-redirects.ts';
import { discardBody } from './http/response-body.ts';
import type { HostRequest } from './registry-host.ts';
import { pushScope, type TransferOptions } from './transfer.ts';

export interface UploadSource extends TransferOptions {
  /** Bytes of the blob from `offset` on; called again for every attempt. */
  readonly open: (offset: number) => Readable;
  /** Bytes of one PATCH; absent sends the blob in a single PUT. */
  readonly chunkSize?: number | undefined;
}

/** POST that opens an upload (202), or mounts (201). */
export async function startUpload(
  location: BlobLocation,
  query: string,
  scopes: readonly string[],
  signal?: AbortSignal,
): Promise<HostResponse> {
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

/** Frees the server's half upload; whether that works is the server's business. */
export async function cancelUpload({ host, path }: BlobLocation, target: URL, signal?: AbortSignal): Promise<void> {
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

/** An upload that the server has agreed to, and how many bytes of it the server has. */
export interface UploadPosition {
  readonly target: URL;
  readonly offset: number;
}

/** Where the next request of an upload goes: relative or absolute, with the state the server put into its query. */
export const locationOf = (response: HostResponse): URL => checkRedirect(response.headers.location, response.url, response.url);

export class UploadSession {
  readonly #location: BlobLocation;
  readonly #descriptor: Descriptor;
  readonly #options: UploadSource;
  #target: URL | null;
  /** Bytes the server has for certain. */
  #offset = 0;
  /** Furthest the server ever got, to tell progress from running in circles. */
  #best = 0;

  constructor(location: BlobLocation, descriptor: Descriptor, options: UploadSource, begun: UploadPosition | null) {
    this.#location = location;
    this.#descriptor = descriptor;
    this.#options = options;
    this.#target = begun?.target ?? null;
    this.#offset = begun?.offset ?? 0;
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
    this.#target ??= locationOf(await startUpload(this.#location, '', [pushScope(path)], signal));
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
    this.#target = response.headers.location === undefined ? this.#target : locationOf(response);
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
      this.#target = response.headers.location === undefined ? target : locationOf(response);
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
export function rangeEnd(range: string | undefined): number | undefined {
  const end = /^(?:bytes=)?0-(\d{1,15})$/.exec(range ?? '')?.[1];
  if (end === undefined) return undefined;
  return end === '0' ? 0 : Number(end) + 1;
}
