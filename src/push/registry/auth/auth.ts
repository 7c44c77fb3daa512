// Authorization for one repository of a registry host: anonymous until challenged, then Basic or bearer
// tokens (distribution spec, "Token Authentication"). Tokens live in memory only, per set of scopes.
import { TsbuildError } from '../../../core/errors.ts';
import { basicHeader, type Credential } from '../credentials/credential.ts';
import type { Timer } from '../http/retry.ts';
import { type Challenge, parseChallenges } from './challenge.ts';
import { checkRealm } from './realm.ts';
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

const keyOf = (scopes: readonly string[]): string => scopes.join(' ');

export class Authorizer {
  readonly #options: AuthorizerOptions;
  #mode: Mode = { type: 'anonymous' };
  readonly #tokens = new Map<string, HeldToken>();
  /** What the server asked for beyond the scopes of a request, by these. */
  readonly #extraScopes = new Map<string, readonly string[]>();

  constructor(options: AuthorizerOptions) {
    this.#options = options;
  }

  /** Header for a request that needs `scopes`, from what earlier challenges taught; undefined before. */
  async header(scopes: readonly string[], signal?: AbortSignal): Promise<string | undefined> {
    const mode = this.#mode;
    if (mode.type === 'anonymous') return undefined;
    return mode.type === 'fixed' ? mode.header : this.#bearerHeader(mode.realm, mode.service, scopes, signal);
  }

  /** Learns from a 401. true: repeating may help. false: there is nothing else to try. */
  async learn(challenged: Challenged): Promise<boolean> {
    const challenges = parseChallenges(challenged.wwwAuthenticate ?? '');
    const bearer = challenges.find(({ scheme }) => scheme === 'bearer');
    const secret = await this.#options.credential();
    if (bearer) {
      if (secret?.type === 'registry-token') return this.#useFixed(`Bearer ${secret.token}`, challenged.used);
      return this.#learnBearer(bearer, challenged);
    }
    const basic = challenges.some(({ scheme }) => scheme === 'basic');
    return basic && secret?.type === 'basic' && this.#useFixed(basicHeader(secret.username, secret.password), challenged.used);
  }

  async #bearerHeader(realm: URL, service: string | undefined, scopes: readonly string[], signal?: AbortSignal): Promise<string> {
    const key = keyOf(scopes);
    const { credential, send, timer, host } = this.#options;
    for (let held = this.#tokens.get(key); held; held = this.#tokens.get(key)) {
      const { token, expires } = await held.exchange;
      if (expires - MARGIN > timer.now()) return `Bearer ${token}`;
      if (this.#tokens.get(key) === held) this.#tokens.delete(key);
    }
    // Requests that start together share one exchange; a failed one is forgotten.
    const wanted = [...new Set([...scopes, ...(this.#extraScopes.get(key) ?? [])])];
    const exchange = credential().then((secret) =>
      requestToken({ realm, service, scopes: wanted, credential: secret, send, timer, host, signal }),
    );
    const fresh: HeldToken = { exchange };
    this.#tokens.set(key, fresh);
    try {
      fresh.header = `Bearer ${(await exchange).token}`;
      return fresh.header;
    } catch (error) {
      if (this.#tokens.get(key) === fresh) this.#tokens.delete(key);
      throw error;
    }
  }

  #learnBearer({ parameters }: Challenge, { url, scopes, used }: Challenged): boolean {
    const realm = parameters['realm'];
    if (realm === undefined) {
      throw new TsbuildError({ code: 'registry/protocol', message: `${this.#options.host}: the bearer challenge names no realm` });
    }
    const key = keyOf(scopes);
    const before = this.#extraScopes.get(key) ?? [];
    const asked = (parameters['scope'] ?? '').split(' ').filter((one) => one !== '' && !scopes.includes(one) && !before.includes(one));
    if (asked.length > 0) this.#extraScopes.set(key, [...before, ...asked]);
    this.#mode = { type: 'bearer', realm: checkRealm(realm, url), service: parameters['service'] };
    // Only the token that was refused is dropped: another request may have renewed it already.
    if (asked.length > 0 || (used !== undefined && this.#tokens.get(key)?.header === used)) this.#tokens.delete(key);
    return used === undefined || asked.length > 0 || parameters['error'] !== 'insufficient_scope';
  }

  #useFixed(header: string, used: string | undefined): boolean {
    this.#mode = { type: 'fixed', header };
    return header !== used;
  }
}
