// The registry client: neutral verbs for pull and push over any registry, with the configuration people
// already have. Which host answers, how it is authorized and repeated is decided below this file.
import type { Readable } from 'node:stream';
import type { BlobStore } from '../../cache/blob-store.ts';
import type { Descriptor } from '../../core/descriptor.ts';
import type { Digest } from '../../core/digest.ts';
import { type Reference, repositoryOf } from '../../core/reference.ts';
import type { Credential, CredentialSource } from './credentials/credential.ts';
import { createCredentialSource } from './credentials/credentials.ts';
import { parseLoginName } from './credentials/login-name.ts';
import { EarlyUpload } from './early-upload.ts';
import type { RegistryEnvironment } from './environment.ts';
import { type BlobLocation, fetchBlob } from './fetch-blob.ts';
import { createHostPool, type HostPool } from './host-pool.ts';
import { discardBody } from './http/response-body.ts';
import { DEFAULT_RETRY, type RetryPolicy, systemTimer, type Timer } from './http/retry.ts';
import type { ManifestDocument } from './manifest-document.ts';
import { fetchManifest, headManifest, putManifest, tagDigest } from './manifest-requests.ts';
import { firstSource } from './pull-fallback.ts';
import { type PullSource, pullSources, pushTarget } from './pull-sources.ts';
import { loadRegistriesConf, type RegistriesConf } from './registries-conf.ts';
import type { TransferOptions } from './transfer.ts';
import { type UploadResult, uploadBlob } from './upload-blob.ts';
import { UploadLedger } from './upload-ledger.ts';

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
  /** What `beginUpload` began for this blob. */
  readonly early?: EarlyUpload | undefined;
}

export interface RegistryClient {
  /** What tag or digest names, by HEAD; content is not seen. Errors: 'registry/not-found' and the others of the code table. */
  resolveDescriptor(reference: Reference, signal?: AbortSignal): Promise<Descriptor>;
  /** The manifest or index `descriptor` (else the reference) names; bytes verified, kind unambiguous. */
  fetchManifest(reference: Reference, descriptor?: Descriptor, signal?: AbortSignal): Promise<ManifestDocument>;
  /** Resolves when `store` holds the blob, verified. */
  fetchBlob(reference: Reference, descriptor: Descriptor, store: BlobStore, options?: TransferOptions): Promise<void>;
  /** Resolves when the registry has the blob. The same blob is sent to one host only once per client. */
  uploadBlob(reference: Reference, descriptor: Descriptor, options: UploadBlobOptions): Promise<UploadResult>;
  /** For a blob of `reference` that is still being written; sends nothing before it hears of bytes. */
  beginUpload(reference: Reference, signal?: AbortSignal): EarlyUpload;
  /** Stores `bytes` under the reference's tag, or its digest when it has no tag. */
  putManifest(reference: Reference, mediaType: string, bytes: Uint8Array, signal?: AbortSignal): Promise<Descriptor>;
  /** Digest the tag has in the registry itself (not in a mirror), or null. */
  tagDigest(reference: Reference, signal?: AbortSignal): Promise<Digest | null>;
  /** Repositories (`host/path`) a pull of `reference` was answered from: the name itself, and a mirror that served it. */
  servedFrom(reference: Reference): readonly string[];
  /** Resolves when `registry` (as people type it, see login-name.ts) accepts the credential, else 'registry/unauthorized'. */
  checkLogin(registry: string, credential: Credential, signal?: AbortSignal): Promise<void>;
  /** Closes idle connections; requests under way are not touched. */
  close(): void;
}

/** Reads no configuration and connects to nothing before the first request. */
export const createRegistryClient = (options: RegistryClientOptions): RegistryClient => new HttpRegistryClient(options);

class HttpRegistryClient implements RegistryClient {
  readonly #environment: RegistryEnvironment;
  readonly #repeat: { readonly retry: RetryPolicy; readonly timer: Timer };
  readonly #chunkSize: number | undefined;
  readonly #pool: HostPool;
  readonly #uploads = new UploadLedger();
  /** Where a repository was answered from last: its blobs are there, too. */
  readonly #served = new Map<string, PullSource>();
  #conf: Promise<RegistriesConf> | undefined;

  constructor({ environment, credentials, retry = DEFAULT_RETRY, timer = systemTimer, chunkSize }: RegistryClientOptions) {
    this.#environment = environment;
    this.#repeat = { retry, timer };
    this.#chunkSize = chunkSize;
    this.#pool = createHostPool({ environment, credentials: credentials ?? createCredentialSource(environment), retry, timer });
  }

  resolveDescriptor(reference: Reference, signal?: AbortSignal): Promise<Descriptor> {
    return this.#pull(reference, (location) => headManifest(location, reference, signal));
  }

  fetchManifest(reference: Reference, descriptor?: Descriptor, signal?: AbortSignal): Promise<ManifestDocument> {
    return this.#pull(reference, (location) => fetchManifest(location, reference, descriptor, signal));
  }

  fetchBlob(reference: Reference, descriptor: Descriptor, store: BlobStore, options: TransferOptions = {}): Promise<void> {
    // Blobs are named by digest, whatever the reference says: mirrors for digests apply.
    const pinned = { ...reference, digest: descriptor.digest };
    return this.#pull(pinned, (location) => fetchBlob(location, descriptor, store, { ...options, ...this.#repeat }));
  }

  uploadBlob(reference: Reference, descriptor: Descriptor, options: UploadBlobOptions): Promise<UploadResult> {
    const { domain } = reference;
    const knownPaths = (options.knownAt ?? []).filter((at) => at.startsWith(`${domain}/`)).map((at) => at.slice(domain.length + 1));
    return this.#uploads.once(reference, descriptor.digest, async (arrived) => {
      const mountFrom = [...new Set([...arrived, ...knownPaths])];
      const location = await this.#pushTo(reference);
      return uploadBlob(location, descriptor, { ...options, mountFrom, chunkSize: this.#chunkSize, ...this.#repeat });
    });
  }

  beginUpload(reference: Reference, signal?: AbortSignal): EarlyUpload {
    return new EarlyUpload(() => this.#pushTo(reference), signal);
  }

  async putManifest(reference: Reference, mediaType: string, bytes: Uint8Array, signal?: AbortSignal): Promise<Descriptor> {
    return putManifest(await this.#pushTo(reference), reference, mediaType, bytes, signal);
  }

  async tagDigest(reference: Reference, signal?: AbortSignal): Promise<Digest | null> {
    return tagDigest(await this.#pushTo(reference), reference, signal);
  }

  servedFrom(reference: Reference): readonly string[] {
    const source = this.#served.get(repositoryOf(reference));
    return [...new Set([repositoryOf(reference), ...(source ? [`${source.domain}/${source.path}`] : [])])];
  }

  async checkLogin(registry: string, credential: Credential, signal?: AbortSignal): Promise<void> {
    const { host } = parseLoginName(registry);
    const { insecure } = pushTarget(await this.#configuration(), { domain: host, path: 'login' });
    const pool = createHostPool({ environment: this.#environment, credentials: async () => credential, ...this.#repeat });
    try {
      const request = { method: 'GET', target: '', repository: '', scopes: [], accept: [200], signal } as const;
      const response = await pool.get({ domain: host, insecure, isMirror: false }).request(request);
      await discardBody(response.body);
    } finally {
      pool.close();
    }
  }

  close(): void {
    this.#pool.close();
  }

  #configuration(): Promise<RegistriesConf> {
    this.#conf ??= loadRegistriesConf(this.#environment);
    return this.#conf;
  }

  #locate(source: PullSource): BlobLocation {
    return { host: this.#pool.get(source), path: source.path };
  }

  async #pushTo(reference: Reference): Promise<BlobLocation> {
    return this.#locate(pushTarget(await this.#configuration(), reference));
  }

  /** From mirrors and registry in turn; whoever served this repository before comes first. */
  async #pull<T>(reference: Reference, task: (location: BlobLocation) => Promise<T>): Promise<T> {
    const repository = repositoryOf(reference);
    const sources = pullSources(await this.#configuration(), reference);
    const { result, source } = await firstSource(sources, this.#served.get(repository), (one) => task(this.#locate(one)));
    this.#served.set(repository, source);
    return result;
  }
}
