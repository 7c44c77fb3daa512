// Conversation with one registry host: finds its scheme, authorizes, follows redirects by hand, repeats
// what the retry table allows, and turns everything else into a TsbuildError.
import { TsbuildError } from '../../core/errors.ts';
import { type Authorizer, createAuthorizer } from './auth.ts';
import type { CredentialSource } from './credential.ts';
import { type HostResponse, sendFollowing } from './follow-redirects.ts';
import { checkRealm } from './realm.ts';
import { errorFromFailure, errorFromResponse, type FailedRequest, isSchemeFailure } from './registry-error.ts';
import { discardBody, readBounded } from './response-body.ts';
import { isRetryableFailure, isRetryableStatus, type RetryPolicy, retryDelay, type Timer } from './retry.ts';
import type { TlsTrust } from './tls-trust.ts';
import type { TokenExchange } from './token.ts';
import { type HttpResponse, STALE_CONNECTION, type Transport } from './transport.ts';

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
  readonly body?: () => Uint8Array | import('node:stream').Readable;
  /** Statuses that are answers; all others become errors. */
  readonly accept: readonly number[];
  /** 1 where the caller itself resumes. */
  readonly attempts?: number | undefined;
  readonly signal?: AbortSignal | undefined;
}

export interface RegistryHost {
  /** As asked over the network. */
  readonly host: string;
  request(request: HostRequest): Promise<HostResponse>;
}

export interface RegistryHostOptions {
  /** `host[:port]` that is connected to. */
  readonly host: string;
  /** Name under which credentials are kept and hints are given (`docker.io` for Docker Hub). */
  readonly name: string;
  /** Tried in this order until one works. */
  readonly schemes: readonly ('http' | 'https')[];
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

export function createRegistryHost(options: RegistryHostOptions): RegistryHost {
  const { host, name, transport, timer, retry } = options;
  const authorizers = new Map<string, Authorizer>();
  let schemes = options.schemes;
  let answered = false;

  const trust = memo(options.trust);

  /** Ports that are the scheme's default count as absent. */
  const isOwn = (url: URL): boolean => url.host === new URL(`${url.protocol}//${host}`).host;
  const trustOf = (url: URL) => () =>
    url.hostname === new URL(`https://${host}`).hostname ? trust() : { ...trust(), rejectUnauthorized: true };

  function authorizerOf(repository: string): Authorizer {
    const known = authorizers.get(repository);
    if (known) return known;
    const credential = memo(() => options.credentials(repository === '' ? name : `${name}/${repository}`));
    const made = createAuthorizer({ credential, send: sendToken, timer, host: name });
    authorizers.set(repository, made);
    return made;
  }

  /** Runs `attempt` until it succeeds, fails for good, or `attempts` are used up. */
  async function repeated<T>(
    failed: FailedRequest,
    attempts: number,
    signal: AbortSignal | undefined,
    attempt: () => Promise<T>,
  ): Promise<T> {
    for (let count = 1; ; count += 1) {
      try {
        return await attempt();
      } catch (error) {
        const last = count >= attempts;
        if (error instanceof RetryableAnswer) {
          if (last) throw error.reason;
          await timer.sleep(retryDelay(count, retry, timer, error.retryAfter), signal);
        } else {
          if (last || !isRetryableFailure(error, answered)) throw errorFromFailure(failed, error);
          const stale = error instanceof Error && 'code' in error && error.code === STALE_CONNECTION;
          if (!stale) await timer.sleep(retryDelay(count, retry, timer), signal);
        }
      }
    }
  }

  /** To a token service: with the credentials its caller put in, which no redirect may carry further. */
  async function sendToken(request: TokenExchange): Promise<Buffer> {
    const { url, method, body, signal } = request;
    const { authorization, ...headers } = request.headers;
    const failed: FailedRequest = { method, url, host: name };
    const checkHop = (next: URL): void => {
      checkRealm(next.href, url);
      if (body !== undefined && next.origin !== url.origin) {
        throw new TsbuildError({ code: 'registry/protocol', message: `${url.host} redirects an identity token to ${next.host}` });
      }
    };
    return repeated(failed, retry.attempts, signal, async () => {
      const response = await sendFollowing(transport, {
        ...{ method, url, headers, authorization, signal, checkHop },
        ...(body && { body: () => body }),
        trust: trustOf(url),
        idleTimeout: IDLE_DOWNLOAD,
      });
      if (response.status === 200) return readBounded(response.body, TOKEN_LIMIT, `token answer of ${url.host}`);
      throw await failureOf(failed, response);
    });
  }

  async function failureOf(failed: FailedRequest, response: HttpResponse): Promise<Error> {
    const reason = await errorFromResponse(failed, response);
    return isRetryableStatus(response.status) ? new RetryableAnswer(reason, response.headers['retry-after']) : reason;
  }

  async function authorized(url: URL, request: HostRequest): Promise<HostResponse> {
    const { repository, scopes, signal } = request;
    const authorizer = authorizerOf(repository);
    // A location on another host (storage behind a signed URL) is not this registry: no credentials.
    const own = isOwn(url);
    const idleTimeout = request.body ? IDLE_UPLOAD : IDLE_DOWNLOAD;
    for (let challenges = 0; ; challenges += 1) {
      const used = own ? await authorizer.header(scopes, signal) : undefined;
      const response = await sendFollowing(transport, {
        ...{ method: request.method, url, headers: request.headers ?? {}, body: request.body, authorization: used, idleTimeout, signal },
        trust: trustOf(url),
      });
      answered = true;
      const asks = response.status === 401 && own && response.url.origin === url.origin && challenges < MAX_CHALLENGES;
      if (!asks) return response;
      const header = response.headers['www-authenticate'];
      if (!(await authorizer.learn({ url, wwwAuthenticate: header, scopes, used }))) return response;
      await discardBody(response.body);
    }
  }

  /** The first exchange settles the scheme: connection-level nonsense moves on to the next one. */
  async function exchange(request: HostRequest): Promise<HostResponse> {
    if (request.target instanceof URL) return authorized(request.target, request);
    let failure: unknown;
    let plain: URL | undefined;
    for (const [position, scheme] of schemes.entries()) {
      const url = new URL(`${scheme}://${host}/v2/${request.target}`);
      const isLast = position === schemes.length - 1;
      try {
        const response = await authorized(url, request);
        // A TLS server answers plain http with a bare 400.
        const wrongScheme =
          !isLast && scheme === 'http' && response.status === 400 && !('docker-distribution-api-version' in response.headers);
        if (!wrongScheme) {
          schemes = [scheme];
          return response;
        }
        plain = url;
        await discardBody(response.body);
      } catch (error) {
        if (!isLast && isWorthOtherScheme(scheme, error)) {
          failure = error;
          continue;
        }
        if (!isLast || !isSchemeFailure(error)) throw error;
        // The last scheme makes no sense either, so what the first one said is true.
        if (plain === undefined) throw failure ?? error;
        schemes = ['http'];
        return authorized(plain, request);
      }
    }
    throw new TsbuildError({ code: 'registry/unreachable', message: `${host}: no scheme to speak` });
  }

  return {
    host,
    request(request) {
      const url = request.target instanceof URL ? request.target : new URL(`${schemes[0] ?? 'https'}://${host}/v2/${request.target}`);
      const failed: FailedRequest = { method: request.method, url, host: name };
      return repeated(failed, request.attempts ?? retry.attempts, request.signal, async () => {
        const response = await exchange(request);
        if (request.accept.includes(response.status)) return response;
        throw await failureOf({ ...failed, url: response.url }, response);
      });
    },
  };
}

/** A TLS certificate that is not trusted is no reason for plain http; a server without TLS is. */
const isWorthOtherScheme = (scheme: string, error: unknown): boolean =>
  isSchemeFailure(error) || (scheme === 'https' && error instanceof Error && 'code' in error && error.code === 'ECONNREFUSED');

/** An error status that the table allows to repeat; `reason` is thrown when attempts run out. */
class RetryableAnswer extends Error {
  readonly reason: TsbuildError;
  readonly retryAfter: string | undefined;

  constructor(reason: TsbuildError, retryAfter: string | undefined) {
    super(reason.message);
    this.reason = reason;
    this.retryAfter = retryAfter;
  }
}

function memo<T>(make: () => T): () => T {
  let made: { readonly value: T } | undefined;
  return () => {
    made ??= { value: make() };
    return made.value;
  };
}
