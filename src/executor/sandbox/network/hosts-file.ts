// Text of /etc/hosts in a step: what BuildKit writes, then the entries of --add-host.

/** What BuildKit calls the machine of a step. */
export const DEFAULT_HOSTNAME = 'buildkitsandbox';

/** `addHosts` are `name=address`; an address may contain `=`-free text only, as validated by the flags. */
export function hostsText(hostname: string, addHosts: readonly string[]): string {
  const lines = [`127.0.0.1\tlocalhost ${hostname}`, '::1\tlocalhost ip6-localhost ip6-loopback'];
  for (const entry of addHosts) {
    const at = entry.indexOf('=');
    if (at > 0) lines.push(`${entry.slice(at + 1)}\t${entry.slice(0, at)}`);
  }
  return `${lines.join('\n')}\n`;
}
