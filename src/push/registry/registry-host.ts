// Conversation with one registry host: finds its scheme, authorizes, follows redirects by hand, repeats
// what the retry table allows, and turns everything else into a TsbuildError.
import type { Readable } from 'node:stream';
import { TsbuildError } from '../../core/errors.ts';
import { Authorizer } from './auth/auth.ts';
import { checkRealm } from './auth/realm.ts';
import type { TokenExchange } from './auth/token.ts';
import type { CredentialSource } from './credentials/credential.ts';
import { type HostResponse, sendFollowing } from './http/follow-redirects.ts';
import { discardBody, readBounded } from './http/response-body.ts';
import type { RetryPolicy, Timer } from './http/retry.ts';
import { failureOf, type RetryLoop, repeatRequest } from './http/retry-loop.ts';
import type { TlsTrust } from './http/tls-trust.ts';
import type { Transport } from './http/transport.ts';
import { isSchemeFailure } from './registry-error.ts';

export type Scheme = 'http' | 'https';

export interface HostRequest {
  readonly method: 'GET' | 'HEAD' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  /** Below `/v2/`, or a location the registry gave. */
  readonly target: string | URL;
  /** Repository path the request is about; '' for none. */
  readonly repository: string;
  /** `repository:NAME:ACTIONS`. */
  readonly scopes: readonly string[];
  readonly headers?: Readonly<Record<string, string>>;
  /** Called for each attempt. */
  readonly body?: () => Uint8Array | Readable;
  /** Statuses that are answers; all others become errors. */
  readonly accept: readonly number[];
  /** 1 where the caller itself resumes. */
  readonly attempts?: number | undefined;
  readonly signal?: AbortSignal | undefined;
}

export interface RegistryHost {
  /** As asked over the network. */
  readonly host: string;
  /** Rejects with TsbuildError, or the abort itself. The caller reads the body to its end or destroys it. */
  request(request: HostRequest): Promise<HostResponse>;
}

export interface RegistryHostOptions {
  /** `host[:port]` that is connected to. */
  readonly host: string;
  /** Name under which credentials are kept and hints are given (`docker.io` for Docker Hub). */
  readonly name: string;
  /** Tried in this order until one works. */
  readonly schemes: readonly [Scheme, ...Scheme[]];
  readonly trust: () => TlsTrust;
  readonly transport: Transport;
  readonly credentials: CredentialSource;
  readonly timer: Timer;
  readonly retry: RetryPolicy;
}

const MAX_CHALLENGES = 2;
const TOKEN_LIMIT = 1024 * 1024;
/** Registries may move a whole layer to their storage before they answer a PUT. */
const IDLE_UPLOAD = 300_000;
const IDLE_DOWNLOAD = 60_000;

export const createRegistryHost = (options: RegistryHostOptions): RegistryHost => new HttpRegistryHost(options);

class HttpRegistryHost implements RegistryHost {
  readonly host: string;
  readonly #options: RegistryHostOptions;
  readonly #trust: () => TlsTrust;
  readonly #loop: RetryLoop;
  /** By repository, because credentials may differ by path. */
  readonly #authorizers = new Map<string, Authorizer>();
  #schemes: readonly [Scheme, ...Scheme[]];
  #answered = false;

  constructor(options: RegistryHostOptions) {
    this.#options = options;
    this.host = options.host;
    this.#schemes = options.schemes;
    this.#trust = memo(options.trust);
    this.#loop = { policy: options.retry, timer: options.timer, hasAnswered: () => this.#answered };
  }

  request(request: HostRequest): Promise<HostResponse> {
    const { method, target, signal, attempts = this.#options.retry.attempts } = request;
    const url = target instanceof URL ? target : this.#urlOf(this.#schemes[0], target);
    const repeated = { method, url, host: this.#options.name, attempts, signal };
    return repeatRequest(this.#loop, repeated, async () => {
      const response = target instanceof URL ? await this.#authorized(target, request) : await this.#firstScheme(target, request);
      if (request.accept.includes(response.status)) return response;
      throw await failureOf({ ...repeated, url: response.url }, response);
    });
  }

  /** The first exchange settles the scheme: an answer that makes no sense moves on to the next one. */
  async #firstScheme(path: string, request: HostRequest): Promise<HostResponse> {
    const [first, ...others] = this.#schemes;
    let failure: unknown;
    try {
      const response = await this.#authorized(this.#urlOf(first, path), request);
      if (others.length === 0 || !looksLikeTlsServer(first, response)) return this.#settle(first, response);
      await discardBody(response.body);
    } catch (error) {
      if (others.length === 0 || !isSchemeFailure(error)) throw error;
      failure = error;
    }
    for (const scheme of others) {
      try {
        return this.#settle(scheme, await this.#authorized(this.#urlOf(scheme, path), request));
      } catch (error) {
        if (!isSchemeFailure(error)) throw error;
      }
    }
    // None makes sense: what the first one said is true.
    if (failure !== undefined) throw failure;
    return this.#settle(first, await this.#authorized(this.#urlOf(first, path), request));
  }

  #settle(scheme: Scheme, response: HostResponse): HostResponse {
    this.#schemes = [scheme];
    return response;
  }

  /** Sends with what is known of authorization, and again after each challenge that teaches more. */
  async #authorized(url: URL, request: HostRequest): Promise<HostResponse> {
    const { method, repository, scopes, headers = {}, body, signal } = request;
    const authorizer = this.#authorizerOf(repository);
    // A location on another host (storage behind a signed URL) is not this registry: no credentials.
    const own = this.#isOwn(url);
    const idleTimeout = body ? IDLE_UPLOAD : IDLE_DOWNLOAD;
    for (let challenges = 0; ; challenges += 1) {
      const authorization = own ? await authorizer.header(scopes, signal) : undefined;
      const trust = this.#trustFor(url);
      const response = await sendFollowing(this.#options.transport, {
        method,
        url,
        headers,
        body,
        authorization,
        trust,
        idleTimeout,
        signal,
      });
      this.#answered = true;
      const asks = response.status === 401 && own && response.url.origin === url.origin && challenges < MAX_CHALLENGES;
      if (!asks) return response;
      const wwwAuthenticate = response.headers['www-authenticate'];
      if (!(await authorizer.learn({ url, wwwAuthenticate, scopes, used: authorization }))) return response;
      await discardBody(response.body);
    }
  }

  #authorizerOf(repository: string): Authorizer {
    const known = this.#authorizers.get(repository);
    if (known) return known;
    const { name, credentials, timer } = this.#options;
    const credential = memo(() => credentials(repository === '' ? name : `${name}/${repository}`));
    const made = new Authorizer({ credential, send: (exchange) => this.#sendToken(exchange), timer, host: name });
    this.#authorizers.set(repository, made);
    return made;
  }

  /** To a token service: with the credentials its caller put in, which no redirect may carry further. */
  #sendToken(exchange: TokenExchange): Promise<Buffer> {
    const { url, method, body, signal } = exchange;
    const { authorization, ...headers } = exchange.headers;
    const checkHop = (next: URL): void => {
      checkRealm(next.href, url);
      if (body === undefined || next.origin === url.origin) return;
      throw new TsbuildError({ code: 'registry/protocol', message: `${url.host} redirects an identity token to ${next.host}` });
    };
    const repeated = { method, url, host: this.#options.name, attempts: this.#options.retry.attempts, signal };
    return repeatRequest(this.#loop, repeated, async () => {
      const response = await sendFollowing(this.#options.transport, {
        ...{ method, url, headers, authorization, checkHop, signal },
        ...(body && { body: () => body }),
        trust: this.#trustFor(url),
        idleTimeout: IDLE_DOWNLOAD,
      });
      if (response.status === 200) return readBounded(response.body, TOKEN_LIMIT, `token answer of ${url.host}`);
      throw await failureOf(repeated, response);
    });
  }

  #urlOf(scheme: Scheme, path: string): URL {
    return new URL(`${scheme}://${this.host}/v2/${path}`);
  }

  /** A port that is the scheme's default counts as absent. */
  #isOwn(url: URL): boolean {
    return url.host === new URL(`${url.protocol}//${this.host}`).host;
  }

  /** "insecure" is said of this host, not of its token service. */
  #trustFor(url: URL): () => TlsTrust {
    const same = url.hostname === new URL(`https://${this.host}`).hostname;
    return () => (same ? this.#trust() : { ...this.#trust(), rejectUnauthorized: true });
  }
}

/** A TLS server that is spoken to in plain http answers with a bare 400. */
const looksLikeTlsServer = (scheme: Scheme, response: HostResponse): boolean =>
  scheme === 'http' && response.status === 400 && !('docker-distribution-api-version' in response.headers);

function memo<T>(make: () => T): () => T {
  let made: { readonly value: T } | undefined;
  return () => {
    made ??= { value: make() };
    return made.value;
  };
}
