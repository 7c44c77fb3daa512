// Sends a blob while it is still being written, as Docker's own client does: a POST, one PATCH without a length,
// and when the digest is known the PUT that upload-session.ts closes it with. Nothing that goes wrong here is an
// error of the push: the blob is then sent once it is whole, with retries and errors as usual.
import { closeSync, openSync, readSync } from 'node:fs';
import { Readable } from 'node:stream';
import { InvariantError } from '../../core/errors.ts';
import type { BlobLocation } from './fetch-blob.ts';
import { discardBody } from './http/response-body.ts';
import { pushScope } from './transfer.ts';
import { cancelUpload, locationOf, rangeEnd, startUpload, type UploadPosition } from './upload-session.ts';

/** Bytes that must be there before anything is sent: small blobs often turn out to be in the registry already. */
export const EARLY_BYTES = 8 * 1024 * 1024;
const READ_SIZE = 256 * 1024;

export class EarlyUpload {
  readonly #locate: () => Promise<BlobLocation>;
  readonly #signal: AbortSignal;
  readonly #abort = new AbortController();
  #fd: number | null = null;
  #size = 0;
  #isWhole = false;
  #changed = Promise.withResolvers<void>();
  #sent: Promise<UploadPosition | null> | undefined;

  constructor(locate: () => Promise<BlobLocation>, signal?: AbortSignal) {
    this.#locate = locate;
    this.#signal = signal === undefined ? this.#abort.signal : AbortSignal.any([signal, this.#abort.signal]);
  }

  /** The first `size` bytes are in the file `path` and stay as they are. */
  grown(path: string, size: number): void {
    if (this.#isWhole || this.#signal.aborted) return;
    this.#size = Math.max(this.#size, size);
    if (this.#sent === undefined && this.#size >= EARLY_BYTES) this.#sent = this.#start(path);
    this.#wake();
  }

  /** The blob has `size` bytes, all of them written. Resolves when they are sent; null where that came to nothing. */
  async whole(size: number): Promise<UploadPosition | null> {
    if (this.#sent === undefined || this.#signal.aborted) return null;
    this.#size = size;
    this.#isWhole = true;
    this.#wake();
    return this.#sent;
  }

  /** What was sent is not needed. Harmless after `whole` has resolved. */
  abandon(): void {
    this.#abort.abort();
    this.#wake();
  }

  #wake(): void {
    this.#changed.resolve();
    this.#changed = Promise.withResolvers();
  }

  async #start(path: string): Promise<UploadPosition | null> {
    let begun: { readonly location: BlobLocation; readonly target: URL } | undefined;
    try {
      // At once: the file is renamed when it is whole.
      this.#fd = openSync(path, 'r');
      const location = await this.#locate();
      const { path: repository } = location;
      begun = { location, target: locationOf(await startUpload(location, '', [pushScope(repository)], this.#signal)) };
      return await this.#send(location, begun.target);
    } catch {
      if (begun !== undefined) await cancelUpload(begun.location, begun.target).catch(() => undefined);
      return null;
    } finally {
      if (this.#fd !== null) closeSync(this.#fd);
      this.#fd = null;
    }
  }

  async #send({ host, path }: BlobLocation, target: URL): Promise<UploadPosition> {
    const response = await host.request({
      method: 'PATCH',
      target,
      repository: path,
      scopes: [pushScope(path)],
      headers: { 'content-type': 'application/octet-stream' },
      body: () => Readable.from(this.#bytes(), { objectMode: false }),
      accept: [201, 202, 204],
      attempts: 1,
      signal: this.#signal,
    });
    await discardBody(response.body);
    const offset = Math.min(this.#size, rangeEnd(response.headers.range) ?? this.#size);
    return { target: response.headers.location === undefined ? target : locationOf(response), offset };
  }

  /** From the first byte to the last, which may be still to come. */
  async *#bytes(): AsyncGenerator<Buffer> {
    for (let at = 0; this.#fd !== null; ) {
      const length = Math.min(READ_SIZE, this.#size - at);
      if (length > 0) {
        // Just written, so in memory; the thread pool is busy compressing what comes next.
        const chunk = Buffer.allocUnsafe(length);
        const read = readSync(this.#fd, chunk, 0, length, at);
        if (read === 0) throw new InvariantError('a blob under way has become shorter');
        at += read;
        yield chunk.subarray(0, read);
      } else if (this.#isWhole) {
        return;
      } else {
        await this.#changed.promise;
      }
    }
  }
}
