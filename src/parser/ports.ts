// Port specifications of EXPOSE after expansion: `[[ip:]host:]container[-end][/proto]` (I-03). The
// parser checks words without variables with it, the planner the rest.

export interface PortSpec {
  /** Each exposed port as `n/proto`, ascending. */
  readonly ports: readonly string[];
  /** An IP or host port was given; EXPOSE ignores it (W-22). */
  readonly published: boolean;
}

const PROTOCOLS = ['tcp', 'udp', 'sctp'];

/** A result or, as text, what is wrong. An empty word exposes nothing and is refused. */
export function parsePortSpec(spec: string): PortSpec | string {
  const [ports = '', ...rest] = spec.split('/');
  const proto = rest.join('/').toLowerCase();
  const { ip, host, container } = splitSpec(ports);
  if (ip !== '' && !isIp(ip)) return `invalid IP address: ${ip}`;
  if (container === '') return `no port specified: ${spec}<empty>`;
  const range = parseRange(container);
  if (range === null) return `invalid containerPort: ${container}`;
  if (proto !== '' && !PROTOCOLS.includes(proto)) return `invalid proto: ${rest.join('/')}`;
  if (host !== '') {
    const published = parseRange(host);
    if (published === null) return `invalid hostPort: ${host}`;
    const fits = published.end - published.start === range.end - range.start;
    if (!fits && range.end !== range.start) return `invalid ranges specified for container and host Ports: ${container} and ${host}`;
  }
  const list: string[] = [];
  for (let port = range.start; port <= range.end; port += 1) list.push(`${port}/${proto === '' ? 'tcp' : proto}`);
  return { ports: list, published: ip !== '' || host !== '' };
}

function splitSpec(ports: string): { ip: string; host: string; container: string } {
  const parts = ports.split(':');
  const container = parts.pop() ?? '';
  const host = parts.pop() ?? '';
  const ip = parts.join(':');
  return { ip: ip.startsWith('[') && ip.endsWith(']') ? ip.slice(1, -1) : ip, host, container };
}

function parseRange(text: string): { start: number; end: number } | null {
  // As Go reads numbers: with a sign and any number of zeros in front.
  const match = /^\+?0*(\d{1,5})(?:-\+?0*(\d{1,5}))?$/.exec(text);
  if (match === null) return null;
  const start = Number(match[1]);
  const end = Number(match[2] ?? match[1]);
  return end < start || end > 65_535 ? null : { start, end };
}

function isIp(text: string): boolean {
  if (text.includes(':')) return /^[0-9a-fA-F:.]+(?:%\w+)?$/.test(text);
  return /^(?:(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)(?:\.(?!$)|$)){4}$/.test(text);
}
