// Text of /etc/resolv.conf in a step (X-04): the host's, without resolvers on its loopback when the
// step has a network of its own. Pure but for reading the host's file.
import { readHostFile } from '../host-file.ts';

/** What Docker falls back to when nothing usable is left. */
const PUBLIC = ['8.8.8.8', '8.8.4.4'];
const SYSTEMD_STUB = '127.0.0.53';

const isLoopback = (address: string): boolean => address.startsWith('127.') || address === '::1';

export function nameserversOf(text: string): string[] {
  return text.split('\n').flatMap((line) => /^\s*nameserver\s+(\S+)/.exec(line)?.[1] ?? []);
}

/** The host's resolver configuration; behind systemd's stub resolver, the one with the real servers. */
export function hostResolvConf(): string {
  const text = readHostFile('/etc/resolv.conf') ?? '';
  const servers = nameserversOf(text);
  const behindStub = servers.length === 1 && servers[0] === SYSTEMD_STUB;
  return behindStub ? (readHostFile('/run/systemd/resolve/resolv.conf') ?? text) : text;
}

export const onlyLoopback = (text: string): boolean => nameserversOf(text).every(isLoopback);

/** `forwarder` is the address at which the network helper answers for the host's resolvers, if it does. */
export function stepResolvConf(text: string, forwarder: string | null): string {
  const others = text.split('\n').filter((line) => !/^\s*(nameserver\s|[#;]|$)/.test(line));
  const usable = nameserversOf(text).filter((address) => !isLoopback(address));
  const servers = forwarder !== null ? [forwarder] : usable.length > 0 ? usable : PUBLIC;
  return `${[...servers.map((address) => `nameserver ${address}`), ...others].join('\n')}\n`;
}
