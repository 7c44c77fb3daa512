// One blob from a registry into the store: bounded by the descriptor's size, verified by its digest, and
// resumed with Range when the connection breaks.
import type { BlobStore, BlobWriter } from '../../cache/blob-store.ts';
import type { Descriptor } from '../../core/descriptor.ts';
import { TsbuildError } from '../../core/errors.ts';
import type { HostResponse } from './http/follow-redirects.ts';
import { isRetryableFailure, type RetryPolicy, retryDelay, type Timer } from './http/retry.ts';
import { errorFromFailure } from './registry-error.ts';
import type { RegistryHost } from './registry-host.ts';
import { pullScope, type TransferOptions } from './transfer.ts';

export interface BlobLocation {
  readonly host: RegistryHost;
  /** Repository path. */
  readonly path: string;
}

interface Download extends BlobLocation, TransferOptions {
  readonly descriptor: Descriptor;
  readonly writer: BlobWriter;
  received: number;
}

/**
 * Resolves when the store holds the blob. Errors: 'registry/digest-mismatch', 'registry/too-large', or what
 * the last attempt failed with; nothing stays in the store then.
 */
export async function fetchBlob(
  location: BlobLocation,
  descriptor: Descriptor,
  store: BlobStore,
  { retry, timer, ...options }: TransferOptions & { readonly retry: RetryPolicy; readonly timer: Timer },
): Promise<void> {
  if (store.has(descriptor.digest)) return;
  const writer = store.writer();
  const download: Download = { ...location, ...options, descriptor, writer, received: 0 };
  try {
    let fruitless = 0;
    for (;;) {
      const before = download.received;
      const failure = await receive(download);
      if (failure === null) break;
      // Attempts count anew whenever bytes arrived: a bad line is slow, not broken.
      fruitless = download.received > before ? 1 : fruitless + 1;
      const url = failure.response.url;
      if (fruitless >= retry.attempts || !isRetryableFailure(failure.error, true)) {
        throw errorFromFailure({ method: 'GET', url, host: location.host.host }, failure.error);
      }
      await timer.sleep(retryDelay(fruitless, retry, timer), options.signal);
    }
    await commit(download);
  } finally {
    await writer.abort();
  }
}

/** Receives from where the last attempt ended. null: complete. A failure to get any answer is thrown by the host after its own retries. */
async function receive(download: Download): Promise<{ readonly error: unknown; readonly response: HostResponse } | null> {
  const { descriptor, host, path, signal, received } = download;
  if (received === descriptor.size && received > 0) return null;
  const response = await host.request({
    method: 'GET',
    target: `${path}/blobs/${descriptor.digest}`,
    repository: path,
    scopes: [pullScope(path)],
    // Compression in transit would be another set of bytes than the digest's.
    headers: { 'accept-encoding': 'identity', ...(received > 0 && { range: `bytes=${received}-` }) },
    accept: [200, 206],
    signal,
  });
  try {
    await copyBody(download, response);
  } catch (error) {
    response.body.destroy();
    signal?.throwIfAborted();
    if (error instanceof TsbuildError) throw error;
    return { error, response };
  }
  if (download.received === descriptor.size) return null;
  return { error: Object.assign(new Error('the answer ended early'), { code: 'ECONNRESET' }), response };
}

async function copyBody(download: Download, response: HostResponse): Promise<void> {
  const { descriptor, writer } = download;
  let skip = bytesToSkip(download, response);
  for await (const piece of response.body as AsyncIterable<Buffer>) {
    const chunk = skip === 0 ? piece : piece.subarray(Math.min(skip, piece.length));
    skip -= piece.length - chunk.length;
    if (chunk.length === 0) continue;
    if (download.received + chunk.length > descriptor.size) throw tooLarge(download);
    await writer.write(chunk);
    download.received += chunk.length;
    download.onProgress?.({ digest: descriptor.digest, current: download.received, total: descriptor.size });
  }
}

/** Bytes of the answer that were received before: all of them when the server ignores Range. */
function bytesToSkip(download: Download, response: HostResponse): number {
  const { descriptor, received, host } = download;
  if (response.status === 200) {
    const length = response.headers['content-length'];
    if (length !== undefined && Number(length) > descriptor.size) throw tooLarge(download);
    return received;
  }
  const start = /^bytes (\d+)-\d+\/(?:\d+|\*)$/.exec(response.headers['content-range'] ?? '')?.[1];
  if (start === undefined || Number(start) !== received) {
    throw new TsbuildError({
      code: 'registry/protocol',
      message: `${host.host}: asked for bytes from ${received} of ${descriptor.digest}, got another range`,
    });
  }
  return 0;
}

const tooLarge = ({ descriptor, host }: Download): TsbuildError =>
  new TsbuildError({
    code: 'registry/too-large',
    message: `${host.host}: blob ${descriptor.digest} is longer than its ${descriptor.size} bytes`,
  });

async function commit({ descriptor, writer, host, path }: Download): Promise<void> {
  try {
    await writer.commit({ digest: descriptor.digest, size: descriptor.size });
  } catch (error) {
    if (!(error instanceof TsbuildError) || error.code !== 'store/digest-mismatch') throw error;
    throw new TsbuildError({
      code: 'registry/digest-mismatch',
      message: `${host.host}/${path}: the bytes received for ${descriptor.digest} have another digest`,
      hint: 'A mirror or proxy between here and the registry altered them, or the registry is damaged.',
      cause: error,
    });
  }
}
