// One GET with its redirects followed. Credentials go to the host that they are for and nowhere else,
// and nothing leads from https to http unless the content is checked anyway.
import { errnoOf, TsbuildError } from '../../../core/errors.ts';
import { registryEnvironment } from '../../../push/registry/environment.ts';
import { systemTrust } from '../../../push/registry/http/tls-trust.ts';
import type { HttpResponse, Transport } from '../../../push/registry/http/transport.ts';
import type { SecretSource } from '../../request/build-request.ts';
import { headerSecret } from '../../request/secret-values.ts';
import { shownUrl } from './http-name.ts';

export interface HttpGet {
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
  readonly authorization: string | null;
  /** The caller verifies the content, so a redirect to http does no harm. */
  readonly verified: boolean;
  readonly signal: AbortSignal;
}

const MAX_REDIRECTS = 10;
const IDLE_MS = 60_000;
const REDIRECTS: ReadonlySet<number> = new Set([301, 302, 303, 307, 308]);

export interface DownloadErrorDetail {
  readonly hint?: string;
  readonly cause?: unknown;
  readonly data?: Readonly<Record<string, unknown>>;
}

export const downloadError = (url: URL, message: string, detail: DownloadErrorDetail = {}): TsbuildError =>
  new TsbuildError({ code: 'build/download', message: `${shownUrl(url)}: ${message}`, hint: 'Check the URL and the network.', ...detail });

/** The last answer, whatever its status. Throws build/download, or the reason of an abort. */
export async function httpGet(transport: Transport, get: HttpGet): Promise<HttpResponse> {
  let url = get.url;
  for (let hops = 0; hops <= MAX_REDIRECTS; hops += 1) {
    const response = await send(transport, get, url);
    const { location } = response.headers;
    if (!REDIRECTS.has(response.status) || location === undefined) return response;
    response.body.destroy();
    url = nextUrl(get, url, location);
  }
  throw downloadError(get.url, `more than ${MAX_REDIRECTS} redirects`);
}

async function send(transport: Transport, get: HttpGet, url: URL): Promise<HttpResponse> {
  const { authorization, headers, signal } = get;
  try {
    return await transport.send({
      method: 'GET',
      url,
      headers: {
        'user-agent': 'tsbuild',
        accept: '*/*',
        'accept-encoding': 'identity',
        ...headers,
        ...(authorization !== null && isSameHost(get.url, url) ? { authorization } : {}),
      },
      trust: () => systemTrust(registryEnvironment(process.env)),
      idleTimeout: IDLE_MS,
      signal,
    });
  } catch (error) {
    signal.throwIfAborted();
    if (error instanceof TsbuildError) throw error;
    throw downloadError(get.url, `cannot connect to ${url.host} (${errnoOf(error) ?? 'unknown error'})`, { cause: error });
  }
}

/** The same origin, or the same host once it insists on TLS. */
const isSameHost = (from: URL, to: URL): boolean =>
  from.origin === to.origin ||
  (from.hostname === to.hostname && from.protocol === 'http:' && to.protocol === 'https:' && from.port === '' && to.port === '');

function nextUrl(get: HttpGet, from: URL, location: string): URL {
  const to = URL.canParse(location, from.href) ? new URL(location, from) : null;
  if (to === null || (to.protocol !== 'http:' && to.protocol !== 'https:'))
    throw downloadError(get.url, 'redirects to something that is no http URL');
  if (from.protocol === 'https:' && to.protocol === 'http:' && !get.verified) {
    throw downloadError(get.url, 'redirects from https to http, which anybody on the way can change', {
      hint: 'Give --checksum, or the http URL itself.',
    });
  }
  return to;
}

/** D-09: secrets named after the host (with its port), else user and password of the URL. */
export function httpAuthorization(url: URL, secrets: Readonly<Record<string, SecretSource>>): string | null {
  const header = headerSecret(secrets, `HTTP_AUTH_HEADER_${url.host}`);
  if (header !== null) return header;
  const token = headerSecret(secrets, `HTTP_AUTH_TOKEN_${url.host}`);
  if (token !== null) return `Bearer ${token}`;
  if (url.username === '' && url.password === '') return null;
  return `Basic ${Buffer.from(`${userPart(url.username)}:${userPart(url.password)}`, 'utf8').toString('base64')}`;
}

function userPart(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
