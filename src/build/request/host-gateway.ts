// `host-gateway` as the address of a host line. In Docker it is this machine, seen over the bridge; here
// the network of containers has no way to it, except when it is that of this machine.
import { TsbuildError } from '../../core/errors.ts';

const GATEWAY = /=host-gateway$/;

/** `lines` as NAME=ADDRESS. Throws 'build/no-host-gateway'. */
export function resolveGateway(lines: readonly string[], network: 'default' | 'none' | 'host'): readonly string[] {
  const line = lines.find((candidate) => GATEWAY.test(candidate));
  if (line === undefined) return lines;
  if (network === 'host') return lines.map((candidate) => candidate.replace(GATEWAY, '=127.0.0.1'));
  throw new TsbuildError({
    code: 'build/no-host-gateway',
    message: `${line.replace(GATEWAY, '')}: host-gateway has no address, because containers cannot reach this machine`,
    hint: 'add --network=host, which makes it 127.0.0.1, or give the address of the service',
  });
}
