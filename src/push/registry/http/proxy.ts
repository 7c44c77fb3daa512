// Which proxy a request goes through: HTTP_PROXY, HTTPS_PROXY and NO_PROXY with Go's meaning, because
// that is what docker users have configured. Loopback is never proxied.
import { BlockList, isIP } from 'node:net';
import { hostnameOf, isLoopbackHost } from './host-address.ts';

type Env = Readonly<Record<string, string | undefined>>;

const either = (env: Env, name: string): string => env[name] || env[name.toLowerCase()] || '';

/** Proxy URL for `url`, or null for a direct connection. A proxy without a scheme is http. */
export function proxyFor(url: URL, env: Env): string | null {
  const proxy = either(env, url.protocol === 'https:' ? 'HTTPS_PROXY' : 'HTTP_PROXY').trim();
  if (proxy === '' || isLoopbackHost(url.host) || isExempt(url, either(env, 'NO_PROXY'))) return null;
  return /^[a-z][a-z0-9+.-]*:\/\//i.test(proxy) ? proxy : `http://${proxy}`;
}

function isExempt(url: URL, list: string): boolean {
  const host = hostnameOf(url.host);
  const port = url.port || (url.protocol === 'https:' ? '443' : '80');
  return list.split(',').some((item) => matchesEntry(item.trim().toLowerCase(), host, port));
}

/** One NO_PROXY entry: `*`, an address, a CIDR range, `example.com` (with subdomains), `.example.com` (subdomains only), each with an optional port. */
function matchesEntry(entry: string, host: string, port: string): boolean {
  if (entry === '') return false;
  if (entry === '*') return true;
  if (entry.includes('/')) return inCidr(entry, host);
  const withPort = /^(.*):(\d+)$/.exec(isIP(entry) === 6 ? '' : entry);
  if (withPort && withPort[2] !== port) return false;
  const name = (withPort?.[1] ?? entry).replace(/^\[|\]$/g, '');
  if (isIP(name) !== 0) return name === host;
  const suffix = name.replace(/^\*/, '');
  return suffix.startsWith('.') ? host.endsWith(suffix) : host === suffix || host.endsWith(`.${suffix}`);
}

function inCidr(entry: string, host: string): boolean {
  const family = isIP(host);
  const [net = '', bits = ''] = entry.split('/');
  const netFamily = isIP(net);
  if (family === 0 || family !== netFamily || !/^\d{1,3}$/.test(bits) || Number(bits) > (family === 6 ? 128 : 32)) return false;
  const list = new BlockList();
  list.addSubnet(net, Number(bits), family === 6 ? 'ipv6' : 'ipv4');
  return list.check(host, family === 6 ? 'ipv6' : 'ipv4');
}
