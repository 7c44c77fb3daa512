// One blob from a stream of ours to a registry: mounted from another repository when it is there, else one
// PUT; after a broken connection continued from where the server says it is, or started over.
import type { Descriptor } from '../../core/descriptor.ts';
import type { Digest } from '../../core/digest.ts';
import { errnoOf, TsbuildError } from '../../core/errors.ts';
import type { EarlyUpload } from './early-upload.ts';
import type { BlobLocation } from './fetch-blob.ts';
import { discardBody } from './http/response-body.ts';
import { type RetryPolicy, retryDelay, type Timer } from './http/retry.ts';
import { pullScope, pushScope } from './transfer.ts';
import { cancelUpload, locationOf, startUpload, UploadSession, type UploadSource } from './upload-session.ts';

export interface UploadOptions extends UploadSource {
  /** Called before the first byte is read, and only when bytes are needed. */
  readonly prepare?: () => Promise<void>;
  /** Has sent bytes of the blob already. */
  readonly early?: EarlyUpload | undefined;
  /** Repository paths on the same host that may hold the blob. */
  readonly mountFrom?: readonly string[];
  readonly retry: RetryPolicy;
  readonly timer: Timer;
}

export type UploadResult =
  | { readonly type: 'existed' }
  | { readonly type: 'mounted'; readonly from: string }
  | { readonly type: 'uploaded' };

/** More sources than this are not worth their round trips. */
const MAX_MOUNT_SOURCES = 3;

async function hasBlob({ host, path }: BlobLocation, digest: Digest, scope: string, signal?: AbortSignal): Promise<boolean> {
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
async function mountBlob(location: BlobLocation, digest: Digest, from: string, signal?: AbortSignal): Promise<true | URL> {
  const { path } = location;
  const query = new URLSearchParams({ mount: digest, from });
  // A source that may not be read must not fail the push: the answer is then a plain upload.
  const response = await startUpload(location, `?${query}`, [pushScope(path), pullScope(from)], signal);
  return response.status === 201 ? true : locationOf(response);
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
  const begun = (await options.early?.whole(size)) ?? null;
  if (begun !== null && opened !== null) await cancelUpload(location, opened, signal);
  const upload = new UploadSession(location, descriptor, options, begun ?? (opened && { target: opened, offset: 0 }));
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
