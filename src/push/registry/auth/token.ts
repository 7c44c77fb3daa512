// One exchange with a token endpoint: GET with Basic credentials, or OAuth2 POST with an identity token.
import { TsbuildError } from '../../../core/errors.ts';
import { basicHeader, type Credential } from '../credentials/credential.ts';
import type { Timer } from '../http/retry.ts';
import { redactUrl } from '../registry-error.ts';

export interface TokenExchange {
  readonly method: 'GET' | 'POST';
  /** A realm that was checked. */
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: Uint8Array;
  readonly signal?: AbortSignal | undefined;
}

/** An error status is thrown as TsbuildError; the answer is bounded. */
export type SendToken = (exchange: TokenExchange) => Promise<Buffer>;

export interface TokenRequest {
  readonly realm: URL;
  readonly service: string | undefined;
  readonly scopes: readonly string[];
  readonly credential: Credential | null;
  readonly send: SendToken;
  readonly timer: Timer;
  readonly host: string;
  readonly signal?: AbortSignal | undefined;
}

/** Seconds a token lives when the server does not say (distribution spec). */
const DEFAULT_LIFETIME = 60;
const MAX_LIFETIME = 24 * 3600;

/** The token and the time (milliseconds) at which it ends. */
export async function requestToken(request: TokenRequest): Promise<{ readonly token: string; readonly expires: number }> {
  const { credential, timer } = request;
  const started = timer.now();
  const bytes = credential?.type === 'identity-token' ? await refresh(request, credential.token) : await fetchToken(request);
  const malformed = (what: string): TsbuildError =>
    new TsbuildError({
      code: 'registry/protocol',
      message: `${redactUrl(request.realm)}: ${what} in the token answer for ${request.host}`,
    });
  let answer: unknown;
  try {
    answer = JSON.parse(bytes.toString('utf8'));
  } catch {
    throw malformed('no JSON');
  }
  const fields = (typeof answer === 'object' && answer !== null ? answer : {}) as Record<string, unknown>;
  const token = [fields['token'], fields['access_token']].find((value) => typeof value === 'string' && value !== '');
  // The token becomes a header value: anything but visible ASCII would smuggle or crash.
  if (typeof token !== 'string' || !/^[\x21-\x7e]+$/.test(token)) throw malformed('no usable token');
  const seconds = Number(fields['expires_in']);
  const lifetime = Number.isFinite(seconds) && seconds > 0 ? Math.min(seconds, MAX_LIFETIME) : DEFAULT_LIFETIME;
  return { token, expires: started + lifetime * 1000 };
}

function fetchToken({ realm, service, scopes, credential, send, signal }: TokenRequest): Promise<Buffer> {
  const url = new URL(realm);
  if (service !== undefined) url.searchParams.set('service', service);
  for (const scope of scopes) url.searchParams.append('scope', scope);
  const headers: Record<string, string> = { accept: 'application/json' };
  if (credential?.type === 'basic') {
    url.searchParams.set('account', credential.username);
    headers['authorization'] = basicHeader(credential.username, credential.password);
  }
  return send({ method: 'GET', url, headers, signal });
}

function refresh({ realm, service, scopes, send, signal }: TokenRequest, refreshToken: string): Promise<Buffer> {
  const form = new URLSearchParams({
    grant_type: 'refresh_token',
    refresh_token: refreshToken,
    client_id: 'tsbuild',
    ...(service !== undefined && { service }),
    scope: scopes.join(' '),
  });
  const body = Buffer.from(form.toString());
  const headers = {
    accept: 'application/json',
    'content-type': 'application/x-www-form-urlencoded',
    'content-length': String(body.length),
  };
  return send({ method: 'POST', url: realm, headers, body, signal });
}
