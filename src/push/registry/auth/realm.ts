// Where a registry may send us for a token. A hostile challenge must not take credentials down to
// plain http, nor make us knock on addresses inside the user's network (CVE-2026-48978 class).
import { TsbuildError } from '../../../core/errors.ts';
import { hostnameOf, isInternalAddress, isLoopbackHost, isOwnMachine } from '../http/host-address.ts';
import { cleanText, redactUrl } from '../registry-error.ts';

const refuse = (registry: URL, what: string): TsbuildError =>
  new TsbuildError({
    code: 'registry/protocol',
    message: `${registry.host}: ${what}`,
    hint: 'The registry is misconfigured or hostile; nothing was sent there.',
  });

/** The realm as URL, or the error 'registry/protocol'. `registry` is the URL that was challenged. */
export function checkRealm(realm: string, registry: URL): URL {
  let url: URL;
  try {
    url = new URL(realm);
  } catch {
    throw refuse(registry, `the token realm ${JSON.stringify(cleanText(realm, 200))} is not a URL`);
  }
  const shown = redactUrl(url);
  if (url.protocol !== 'https:' && !(url.protocol === 'http:' && registry.protocol === 'http:')) {
    throw refuse(registry, `the token realm ${shown} is not https`);
  }
  if (url.username !== '' || url.password !== '') throw refuse(registry, `the token realm ${shown} carries user information`);
  const same = hostnameOf(url.host) === hostnameOf(registry.host) || (isLoopbackHost(url.host) && isLoopbackHost(registry.host));
  if (!same && isInternalAddress(url.host)) throw refuse(registry, `the token realm ${shown} is an internal address`);
  return url;
}

/**
 * The target of a redirect or of an upload location, or the error 'registry/protocol'. Storage may live
 * on another host, also a private one; but never is a remote registry obeyed that points to this machine
 * or from https to http. A location on the same host with http (a proxy that ends TLS) is lifted to https.
 */
export function checkRedirect(location: string | undefined, from: URL, registry: URL): URL {
  let url: URL;
  try {
    url = new URL(location ?? '', from);
  } catch {
    throw refuse(registry, `redirected to ${JSON.stringify(cleanText(location ?? '', 200))}, which is not a URL`);
  }
  if (location === undefined || location === '') throw refuse(registry, 'the answer lacks its Location header');
  url.username = '';
  url.password = '';
  url.hash = '';
  if (url.protocol === 'http:' && from.protocol === 'https:' && url.hostname === from.hostname) {
    url.protocol = 'https:';
    if (url.port === '' || url.port === '80') url.port = from.port;
  }
  const downgrade = url.protocol === 'http:' && registry.protocol === 'https:';
  if ((url.protocol !== 'https:' && url.protocol !== 'http:') || downgrade)
    throw refuse(registry, `redirected to ${redactUrl(url)}, which is not https`);
  if (isOwnMachine(url.host) && hostnameOf(url.host) !== hostnameOf(registry.host) && !isLoopbackHost(registry.host)) {
    throw refuse(registry, `redirected to ${redactUrl(url)}, an address of this machine`);
  }
  return url;
}
