// One HTTP exchange over node:http or node:https: agents, proxies, timeouts. Knows nothing of
// registries, follows nothing, repeats nothing. node:http starts in 3 ms where fetch takes 40.
import type { Agent, ClientRequest, IncomingHttpHeaders, IncomingMessage, RequestOptions } from 'node:http';
import type { Readable } from 'node:stream';
import { proxyFor } from './proxy.ts';
import type { TlsTrust } from './tls-trust.ts';

export interface HttpRequest {
  readonly method: string;
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
  /** A stream is destroyed by the transport in every case. Its length goes into the headers. */
  readonly body?: Uint8Array | Readable;
  /** Asked only when a TLS agent for the host is made. */
  readonly trust: () => TlsTrust;
  /** Milliseconds without a byte in either direction. */
  readonly idleTimeout: number;
  readonly signal?: AbortSignal | undefined;
}

export interface HttpResponse {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  /** Must be read to its end or destroyed. */
  readonly body: Readable;
}

export interface Transport {
  /** Rejects with the system error (`code` as of errno, TLS or HTTP parser) when no answer came. */
  send(request: HttpRequest): Promise<HttpResponse>;
  /** Closes idle connections. */
  close(): void;
}

const CONNECT_TIMEOUT = 30_000;
/** Free connections kept per host; more parallelism than this is never asked for. */
const MAX_FREE_SOCKETS = 16;

/** A connection that was kept open and had died meanwhile; repeating at once is right. */
export const STALE_CONNECTION = 'TSBUILD_STALE_CONNECTION';

export function createTransport(env: Readonly<Record<string, string | undefined>>): Transport {
  const agents = new Map<string, Agent>();

  function agentFor(url: URL, trust: () => TlsTrust): Agent {
    const proxy = proxyFor(url, env);
    const name = `${url.protocol}//${url.host} ${proxy ?? ''}`;
    const known = agents.get(name);
    if (known) return known;
    const options = {
      keepAlive: true,
      maxFreeSockets: MAX_FREE_SOCKETS,
      ...(proxy && { proxyEnv: { HTTP_PROXY: proxy, HTTPS_PROXY: proxy } }),
    };
    const agent = url.protocol === 'https:' ? new (https().Agent)({ ...options, ...tlsOptions(trust()) }) : new (http().Agent)(options);
    agents.set(name, agent);
    return agent;
  }

  return {
    send: (request) =>
      new Promise((resolve, reject) => {
        const { url, method, headers, signal } = request;
        const options: RequestOptions = {
          method,
          headers: { ...headers, host: url.host },
          agent: agentFor(url, request.trust),
          ...(signal && { signal }),
        };
        const module = url.protocol === 'https:' ? https() : http();
        const outgoing = module.request(bareUrl(url), options);
        watchTimeouts(outgoing, request.idleTimeout);
        outgoing.on('response', (incoming) => {
          finishEarlyAnswer(outgoing, incoming, request.body);
          resolve({ status: incoming.statusCode ?? 0, headers: incoming.headers, body: incoming });
        });
        outgoing.on('error', (error) => {
          destroyBody(request.body);
          const code = 'code' in error ? error.code : undefined;
          // A stream may have got through in part: whoever sent it must find out how far.
          const replayable = request.body === undefined || request.body instanceof Uint8Array;
          const stale = replayable && outgoing.reusedSocket && (code === 'ECONNRESET' || code === 'EPIPE');
          reject(stale ? Object.assign(new Error(error.message, { cause: error }), { code: STALE_CONNECTION }) : error);
        });
        // 101, unasked for, ends a request without answer or error; after either of these it says nothing new.
        outgoing.on('close', () => {
          destroyBody(request.body);
          reject(Object.assign(new Error('the connection was closed without an answer'), { code: 'ECONNRESET' }));
        });
        sendBody(outgoing, request.body);
      }),
    close() {
      for (const agent of agents.values()) agent.destroy();
      agents.clear();
    },
  };
}

// Looked up when first used: a build that finds all in its cache loads neither, a loopback registry no TLS.
const http = (): typeof import('node:http') => process.getBuiltinModule('node:http');
const https = (): typeof import('node:https') => process.getBuiltinModule('node:https');

const tlsOptions = (trust: TlsTrust): import('node:https').AgentOptions => ({
  rejectUnauthorized: trust.rejectUnauthorized,
  ...(trust.ca && { ca: [...trust.ca] }),
  ...(trust.cert && { cert: trust.cert, key: trust.key }),
});

/** Without user info, which node would turn into an Authorization header. */
function bareUrl(url: URL): URL {
  if (url.username === '' && url.password === '') return url;
  const bare = new URL(url);
  bare.username = '';
  bare.password = '';
  return bare;
}

function sendBody(outgoing: ClientRequest, body: Uint8Array | Readable | undefined): void {
  if (body === undefined || body instanceof Uint8Array) {
    outgoing.end(body);
    return;
  }
  // A failing source (a corrupt blob) fails the request with the source's error.
  body.on('error', (error) => outgoing.destroy(error));
  outgoing.on('close', () => body.destroy());
  body.pipe(outgoing);
}

/** An answer before the request is complete (401, 413): stop sending, and close the connection after the answer was read. */
function finishEarlyAnswer(outgoing: ClientRequest, incoming: IncomingMessage, body: Uint8Array | Readable | undefined): void {
  if (outgoing.writableEnded || body === undefined || body instanceof Uint8Array) return;
  body.unpipe(outgoing);
  body.destroy();
  incoming.on('close', () => outgoing.destroy());
}

function destroyBody(body: Uint8Array | Readable | undefined): void {
  if (body !== undefined && !(body instanceof Uint8Array)) body.destroy();
}

function watchTimeouts(outgoing: ClientRequest, idle: number): void {
  const timedOut = (what: string): Error => Object.assign(new Error(what), { code: 'ETIMEDOUT' });
  outgoing.setTimeout(idle, () => outgoing.destroy(timedOut(`no data for ${Math.round(idle / 1000)} s`)));
  outgoing.on('socket', (socket) => {
    if (!socket.connecting) return;
    const timer = setTimeout(() => outgoing.destroy(timedOut(`no connection within ${CONNECT_TIMEOUT / 1000} s`)), CONNECT_TIMEOUT);
    const clear = (): void => clearTimeout(timer);
    socket.once('connect', clear);
    outgoing.once('close', clear);
  });
}
