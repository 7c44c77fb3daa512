// The registry client: neutral verbs for pull and push over any registry, with the configuration people
// already have. Which host answers, how it is authorized and repeated is decided below this file.
import type { Readable } from 'node:stream';
import type { BlobStore } from '../../cache/blob-store.ts';
import type { Descriptor } from '../../core/descriptor.ts';
import type { Digest } from '../../core/digest.ts';
import { TsbuildError } from '../../core/errors.ts';
import { type Reference, repositoryOf } from '../../core/reference.ts';
import type { Credential, CredentialSource } from './credential.ts';
import { createCredentialSource } from './credentials.ts';
import type { RegistryEnvironment } from './environment.ts';
import { type BlobLocation, fetchBlob } from './fetch-blob.ts';
import { createHostPool } from './host-pool.ts';
import type { ManifestDocument } from './manifest-document.ts';
import { fetchManifest, headManifest, putManifest, tagDigest } from './manifest-requests.ts';
import { type PullSource, pullSources, pushTarget } from './pull-sources.ts';
import { loadRegistriesConf, type RegistriesConf } from './registries-conf.ts';
import { discardBody } from './response-body.ts';
import { DEFAULT_RETRY, type RetryPolicy, systemTimer, type Timer } from './retry.ts';
import { pullScope, type TransferOptions } from './transfer.ts';
import { hasBlob, mountBlob, type UploadResult, uploadBlob } from './upload-blob.ts';

export interface RegistryClientOptions {
  readonly environment: RegistryEnvironment;
  /** Instead of the configured files and helpers. */
  readonly credentials?: CredentialSource;
  readonly retry?: RetryPolicy;
  readonly timer?: Timer;
  /** Bytes of one PATCH of an upload; absent sends blobs whole. */
  readonly chunkSize?: number;
}

export interface UploadBlobOptions extends TransferOptions {
  /** Bytes of the blob from `offset` on; called again for every attempt. */
  readonly open: (offset: number) => Readable;
  /** Called before the first byte is read, and only when bytes are needed. */
  readonly prepare?: () => Promise<void>;
  /** Repositories (`host/path`) known to hold the blob; those on another host are ignored. */
  readonly knownAt?: readonly string[];
}

export interface RegistryClient {
  /** What tag or digest names, by HEAD; content is not seen. Errors: 'registry/not-found' and the others of the code table. */
  resolveDescriptor(reference: Reference, signal?: AbortSignal): Promise<Descriptor>;
  /** The manifest or index `descriptor` (else the reference) names; bytes verified, kind unambiguous. */
  fetchManifest(reference: Reference, descriptor?: Descriptor, signal?: AbortSignal): Promise<ManifestDocument>;
  /** Resolves when `store` holds the blob, verified. */
  fetchBlob(reference: Reference, descriptor: Descriptor, store: BlobStore, options?: TransferOptions): Promise<void>;
  hasBlob(reference: Reference, digest: Digest, signal?: AbortSignal): Promise<boolean>;
  /** true when the registry now has the blob of repository path `from` also in `reference`. */
  mountBlob(reference: Reference, digest: Digest, from: string, signal?: AbortSignal): Promise<boolean>;
  /** Resolves when the registry has the blob. The same blob is sent to one host only once per client. */
  uploadBlob(reference: Reference, descriptor: Descriptor, options: UploadBlobOptions): Promise<UploadResult>;
  /** Stores `bytes` under the reference's tag, or its digest when it has no tag. */
  putManifest(reference: Reference, mediaType: string, bytes: Uint8Array, signal?: AbortSignal): Promise<Descriptor>;
  /** Digest the tag has in the registry itself (not in a mirror), or null. */
  tagDigest(reference: Reference, signal?: AbortSignal): Promise<Digest | null>;
  /** Repositories (`host/path`) a pull of `reference` was answered from: the name itself, and a mirror that served it. */
  servedFrom(reference: Reference): readonly string[];
  /** Resolves when `host` accepts the credential, else 'registry/unauthorized'. */
  checkLogin(host: string, credential: Credential, signal?: AbortSignal): Promise<void>;
  /** Closes idle connections; requests under way are not touched. */
  close(): void;
}

export function createRegistryClient(options: RegistryClientOptions): RegistryClient {
  const { environment, retry = DEFAULT_RETRY, timer = systemTimer, chunkSize } = options;
  const credentials = options.credentials ?? createCredentialSource(environment);
  const pool = createHostPool({ environment, credentials, retry, timer });
  /** Where a repository was answered from last: its blobs are there, too. */
  const served = new Map<string, PullSource>();
  /** Uploads begun or done, by host and digest, then by path. */
  const uploads = new Map<string, Map<string, Promise<UploadResult>>>();
  let loaded: Promise<RegistriesConf> | undefined;

  const conf = (): Promise<RegistriesConf> => {
    loaded ??= loadRegistriesConf(environment);
    return loaded;
  };
  const locate = (source: PullSource): BlobLocation => ({ host: pool.get(source), path: source.path });
  const target = async (reference: Reference): Promise<BlobLocation> => locate(pushTarget(await conf(), reference));

  /** Tries mirrors in order, then the registry; whoever served this repository before comes first. */
  async function fromSources<T>(reference: Reference, task: (location: BlobLocation) => Promise<T>): Promise<T> {
    const repository = repositoryOf(reference);
    const last = served.get(repository);
    const known = pullSources(await conf(), reference);
    const sources = known.toSorted((a, b) => Number(isSame(b, last)) - Number(isSame(a, last)));
    const failures: TsbuildError[] = [];
    for (const source of sources) {
      try {
        const result = await task(locate(source));
        served.set(repository, source);
        return result;
      } catch (error) {
        if (!(error instanceof TsbuildError) || error.code.startsWith('store/')) throw error;
        failures.push(error);
      }
    }
    throw combined(failures, sources);
  }

  async function uploadOnce(reference: Reference, descriptor: Descriptor, upload: UploadBlobOptions): Promise<UploadResult> {
    const { domain, path } = reference;
    const key = `${domain} ${descriptor.digest}`;
    const paths = uploads.get(key) ?? new Map<string, Promise<UploadResult>>();
    uploads.set(key, paths);
    const running = paths.get(path);
    if (running) return running;
    const elsewhere = [...paths];
    const knownPaths = (upload.knownAt ?? []).filter((at) => at.startsWith(`${domain}/`)).map((at) => at.slice(domain.length + 1));
    const task = (async () => {
      // Another repository of this host is getting the same blob: let that finish and mount from there.
      const arrived = await Promise.all(elsewhere.map(async ([other, done]) => ((await succeeded(done)) ? [other] : [])));
      const mountFrom = [...new Set([...arrived.flat(), ...knownPaths])];
      return uploadBlob(await target(reference), descriptor, { ...upload, mountFrom, chunkSize, retry, timer });
    })();
    paths.set(path, task);
    try {
      return await task;
    } catch (error) {
      paths.delete(path);
      throw error;
    }
  }

  return {
    resolveDescriptor: (reference, signal) => fromSources(reference, (location) => headManifest(location, reference, signal)),
    fetchManifest: (reference, descriptor, signal) =>
      fromSources(reference, (location) => fetchManifest(location, reference, descriptor, signal)),
    fetchBlob: (reference, descriptor, store, transfer) =>
      // Blobs are named by digest, whatever the reference says.
      fromSources({ ...reference, digest: descriptor.digest }, (location) =>
        fetchBlob(location, descriptor, store, { ...transfer, retry, timer }),
      ),
    hasBlob: async (reference, digest, signal) => hasBlob(await target(reference), digest, pullScope(reference.path), signal),
    mountBlob: async (reference, digest, from, signal) => (await mountBlob(await target(reference), digest, from, signal)) === true,
    uploadBlob: uploadOnce,
    putManifest: async (reference, mediaType, bytes, signal) => putManifest(await target(reference), reference, mediaType, bytes, signal),
    tagDigest: async (reference, signal) => tagDigest(await target(reference), reference, signal),
    servedFrom(reference) {
      const source = served.get(repositoryOf(reference));
      return [...new Set([repositoryOf(reference), ...(source ? [`${source.domain}/${source.path}`] : [])])];
    },
    async checkLogin(host, credential, signal) {
      const { insecure } = pushTarget(await conf(), { domain: host, path: 'login' });
      const login = createHostPool({ environment, credentials: async () => credential, retry, timer });
      try {
        const response = await login
          .get({ domain: host, insecure, isMirror: false })
          .request({ method: 'GET', target: '', repository: '', scopes: [], accept: [200], signal });
        await discardBody(response.body);
      } finally {
        login.close();
      }
    },
    close: () => pool.close(),
  };
}

const isSame = (a: PullSource, b: PullSource | undefined): boolean => a.domain === b?.domain && a.path === b.path;

const succeeded = (task: Promise<unknown>): Promise<boolean> =>
  task.then(
    () => true,
    () => false,
  );

/** The registry's own failure, with what its mirrors said before. */
function combined(failures: readonly TsbuildError[], sources: readonly PullSource[]): TsbuildError {
  const own = failures[sources.findIndex(({ isMirror }) => !isMirror)] ?? failures.at(-1);
  if (!own) throw new TsbuildError({ code: 'registry/bad-config', message: 'registries.conf leaves no place to pull from' });
  const others = failures.filter((failure) => failure !== own).map((failure) => failure.message);
  if (others.length === 0) return own;
  return new TsbuildError({
    code: own.code,
    message: `${own.message}; mirrors failed before: ${others.join('; ')}`,
    ...(own.hint !== undefined && { hint: own.hint }),
    cause: own,
    data: { ...own.data, mirrors: others },
  });
}
