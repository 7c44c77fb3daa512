// Redirects by hand: each hop is checked, and neither credentials nor client certificates leave the origin they
// are meant for (CVE-2020-15157 class).
import type { Readable } from 'node:stream';
import { TsbuildError } from '../../../core/errors.ts';
import { checkRedirect } from '../auth/realm.ts';
import { discardBody } from './response-body.ts';
import type { TlsTrust } from './tls-trust.ts';
import type { HttpRequest, HttpResponse, Transport } from './transport.ts';

export interface FollowedRequest extends Omit<HttpRequest, 'body' | 'trust'> {
  /** Sent to the origin of `url` only. */
  readonly authorization?: string | undefined;
  /** Called for each hop. */
  readonly body?: (() => Uint8Array | Readable) | undefined;
  /** What TLS trusts at the first host. */
  readonly trust: () => TlsTrust;
  /** Further objections to a hop, thrown. */
  readonly checkHop?: (next: URL) => void;
}

export interface HostResponse extends HttpResponse {
  /** Where the answer came from: base of relative locations. */
  readonly url: URL;
}

const MAX_REDIRECTS = 5;

export async function sendFollowing(transport: Transport, request: FollowedRequest): Promise<HostResponse> {
  const { authorization, body, trust, checkHop, url: first, headers, ...rest } = request;
  let url = first;
  for (let hops = 0; ; hops += 1) {
    const own = url.origin === first.origin;
    const response = await transport.send({
      ...rest,
      url,
      headers: { ...headers, ...(own && authorization !== undefined && { authorization }) },
      trust: url.hostname === first.hostname ? trust : () => trustElsewhere(trust()),
      ...(body && { body: body() }),
    });
    if (!isRedirect(request.method, response.status)) return { ...response, url };
    await discardBody(response.body);
    if (hops >= MAX_REDIRECTS) {
      throw new TsbuildError({ code: 'registry/protocol', message: `${first.host}: more than ${MAX_REDIRECTS} redirects` });
    }
    url = checkRedirect(response.headers.location, url, first);
    checkHop?.(url);
  }
}

/** A request with a body is only repeated elsewhere where the status says so. */
const isRedirect = (method: string, status: number): boolean =>
  status === 307 || status === 308 || ((method === 'GET' || method === 'HEAD') && [301, 302, 303].includes(status));

/** Its private CA may also sign for the registry's storage; "insecure" and the client certificate are for itself alone. */
const trustElsewhere = ({ ca }: TlsTrust): TlsTrust => ({ rejectUnauthorized: true, ...(ca && { ca }) });
