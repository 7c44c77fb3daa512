// What can be told of a host from its text alone: loopback, private, link-local. Used for plain http on
// loopback and against servers that point us at addresses inside the user's network (SSRF).
import { BlockList, isIP } from 'node:net';

/** Host without port and brackets: `[::1]:5000` → `::1`. */
export function hostnameOf(host: string): string {
  if (host.startsWith('[')) return host.slice(1, host.indexOf(']'));
  const colon = host.indexOf(':');
  return (colon === -1 ? host : host.slice(0, colon)).toLowerCase();
}

const RANGES = {
  loopback: ['127.0.0.0/8', '::1/128'],
  // Link-local holds the metadata services of clouds.
  linkLocal: ['169.254.0.0/16', 'fe80::/10', '0.0.0.0/8', '::/128'],
  private: ['10.0.0.0/8', '172.16.0.0/12', '192.168.0.0/16', '100.64.0.0/10', 'fc00::/7'],
} as const;

function inRange(address: string, ranges: readonly string[]): boolean {
  const family = isIP(address);
  if (family === 0) return false;
  const list = new BlockList();
  for (const range of ranges) {
    const [net = '', bits = ''] = range.split('/');
    list.addSubnet(net, Number(bits), net.includes(':') ? 'ipv6' : 'ipv4');
  }
  // BlockList sees through IPv4-mapped IPv6 addresses by itself.
  return list.check(address, family === 6 ? 'ipv6' : 'ipv4');
}

/** `localhost`, its subdomains (RFC 6761) and loopback addresses. */
export function isLoopbackHost(host: string): boolean {
  const name = hostnameOf(host);
  return name === 'localhost' || name.endsWith('.localhost') || inRange(name, RANGES.loopback);
}

/** Loopback or link-local: a remote server has no business to send us there. */
export const isOwnMachine = (host: string): boolean => isLoopbackHost(host) || inRange(hostnameOf(host), RANGES.linkLocal);

/** As above, or a private address. Names are not resolved. */
export const isInternalAddress = (host: string): boolean => isOwnMachine(host) || inRange(hostnameOf(host), RANGES.private);
