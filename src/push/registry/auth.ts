// Authorization for one repository of a registry host: anonymous until challenged, then Basic or bearer
// tokens (distribution spec, "Token Authentication"). Tokens live in memory only, per set of scopes.
import { TsbuildError } from '../../core/errors.ts';
import { type Challenge, parseChallenges } from './challenge.ts';
import { basicHeader, type Credential } from './credential.ts';
import { checkRealm } from './realm.ts';
import type { Timer } from './retry.ts';
import { requestToken, type SendToken } from './token.ts';

export interface AuthorizerOptions {
  /** Asked at each challenge and token exchange; the caller remembers the answer. */
  readonly credential: () => Promise<Credential | null>;
  readonly send: SendToken;
  readonly timer: Timer;
  /** Host as the user knows it. */
  readonly host: string;
}

export interface Challenged {
  /** What was refused. */
  readonly url: URL;
  readonly wwwAuthenticate: string | undefined;
  readonly scopes: readonly string[];
  /** The Authorization header that was sent. */
  readonly used: string | undefined;
}

export interface Authorizer {
  /** Header for a request that needs `scopes`, from what earlier challenges taught; undefined before. */
  header(scopes: readonly string[], signal?: AbortSignal): Promise<string | undefined>;
  /** Learns from a 401. true: repeating may help. false: there is nothing else to try. */
  learn(challenged: Challenged): Promise<boolean>;
}

type Mode =
  | { readonly type: 'anonymous' }
  | { readonly type: 'fixed'; readonly header: string }
  | { readonly type: 'bearer'; readonly realm: URL; readonly service: string | undefined };

interface HeldToken {
  readonly exchange: Promise<{ readonly token: string; readonly expires: number }>;
  /** Set when the exchange is done. */
  header?: string;
}

/** Milliseconds before its end at which a token is renewed, so that none runs out on its way. */
const MARGIN = 5_000;

export function createAuthorizer({ credential, send, timer, host }: AuthorizerOptions): Authorizer {
  let mode: Mode = { type: 'anonymous' };
  const tokens = new Map<string, HeldToken>();
  /** What the server asked for beyond the scopes of a request, by these. */
  const extraScopes = new Map<string, readonly string[]>();
  const keyOf = (scopes: readonly string[]): string => scopes.join(' ');

  async function bearerHeader(realm: URL, service: string | undefined, scopes: readonly string[], signal?: AbortSignal): Promise<string> {
    const key = keyOf(scopes);
    for (let held = tokens.get(key); held; held = tokens.get(key)) {
      const { token, expires } = await held.exchange;
      if (expires - MARGIN > timer.now()) return `Bearer ${token}`;
      if (tokens.get(key) === held) tokens.delete(key);
    }
    // Requests that start together share one exchange; a failed one is forgotten.
    const wanted = [...new Set([...scopes, ...(extraScopes.get(key) ?? [])])];
    const exchange = credential().then((secret) =>
      requestToken({ realm, service, scopes: wanted, credential: secret, send, timer, host, signal }),
    );
    const fresh: HeldToken = { exchange };
    tokens.set(key, fresh);
    try {
      fresh.header = `Bearer ${(await exchange).token}`;
      return fresh.header;
    } catch (error) {
      if (tokens.get(key) === fresh) tokens.delete(key);
      throw error;
    }
  }

  function learnBearer({ parameters }: Challenge, { url, scopes, used }: Challenged): boolean {
    const realm = parameters['realm'];
    if (realm === undefined) throw new TsbuildError({ code: 'registry/protocol', message: `${host}: the bearer challenge names no realm` });
    const key = keyOf(scopes);
    const before = extraScopes.get(key) ?? [];
    const asked = (parameters['scope'] ?? '')
      .split(' ')
      .filter((scope) => scope !== '' && !scopes.includes(scope) && !before.includes(scope));
    if (asked.length > 0) extraScopes.set(key, [...before, ...asked]);
    mode = { type: 'bearer', realm: checkRealm(realm, url), service: parameters['service'] };
    // Only the token that was refused is dropped: another request may have renewed it already.
    if (asked.length > 0 || (used !== undefined && tokens.get(key)?.header === used)) tokens.delete(key);
    return used === undefined || asked.length > 0 || parameters['error'] !== 'insufficient_scope';
  }

  function useFixed(header: string, used: string | undefined): boolean {
    mode = { type: 'fixed', header };
    return header !== used;
  }

  return {
    async header(scopes, signal) {
      const current: Mode = mode;
      if (current.type === 'anonymous') return undefined;
      return current.type === 'fixed' ? current.header : bearerHeader(current.realm, current.service, scopes, signal);
    },
    async learn(challenged) {
      const challenges = parseChallenges(challenged.wwwAuthenticate ?? '');
      const bearer = challenges.find(({ scheme }) => scheme === 'bearer');
      const secret = await credential();
      if (bearer) {
        return secret?.type === 'registry-token' ? useFixed(`Bearer ${secret.token}`, challenged.used) : learnBearer(bearer, challenged);
      }
      const basic = challenges.some(({ scheme }) => scheme === 'basic');
      return basic && secret?.type === 'basic' && useFixed(basicHeader(secret.username, secret.password), challenged.used);
    },
  };
}
