// Resource limits of a step: --ulimit, cut to what this process may grant. Raising a hard limit needs
// CAP_SYS_RESOURCE, which containers and hardened hosts withhold.
import { TsbuildError } from '../../../core/errors.ts';
import { type Limit, limitValue, parseUlimit, ULIMITS } from '../../../core/ulimit.ts';
import type { Rlimit } from '../bundle.ts';
import { readHostFile } from '../host-file.ts';
import type { StepHost } from '../step-host.ts';
import { hasCapability } from './capabilities.ts';

/** Stands for RLIM_INFINITY until the bundle is written. */
const UNLIMITED = Number.MAX_SAFE_INTEGER;
const DOCKER_NOFILE = 1024 * 1024;

/** Hard limits of a /proc/PID/limits text by row name. */
export function parseHardLimits(text: string): Map<string, number> {
  const limits = new Map<string, number>();
  for (const line of text.split('\n')) {
    const match = /^(.+?)\s{2,}(unlimited|\d+)\s+(unlimited|\d+)/.exec(line);
    if (match !== null) limits.set(match[1] ?? '', limitValue(match[3] ?? ''));
  }
  return limits;
}

/** Error: 'exec/bad-ulimit'. */
function limitOf(entry: string): Limit & { readonly name: string } {
  const limit = parseUlimit(entry);
  if (limit !== null) return limit;
  throw new TsbuildError({
    code: 'exec/bad-ulimit',
    message: `ulimit ${JSON.stringify(entry)} is not valid`,
    hint: `Write name=soft[:hard] with a name of: ${Object.keys(ULIMITS).join(', ')}.`,
  });
}

export function stepRlimits(host: StepHost, ulimits: readonly string[]): Rlimit[] {
  const mayRaise = host.config.isolation === 'root' && hasCapability('SYS_RESOURCE', readHostFile('/proc/self/status') ?? '');
  const hardLimits = parseHardLimits(readHostFile('/proc/self/limits') ?? '');
  const wanted = new Map<string, Limit>([['nofile', { soft: DOCKER_NOFILE, hard: DOCKER_NOFILE }]]);
  for (const entry of ulimits) {
    const { name, ...limit } = limitOf(entry);
    wanted.set(name, limit);
  }
  const explicit = new Set(ulimits.map((entry) => entry.slice(0, entry.indexOf('='))));
  return [...wanted].map(([name, limit]) => {
    const ceiling = mayRaise ? Number.POSITIVE_INFINITY : (hardLimits.get(ULIMITS[name] ?? '') ?? Number.POSITIVE_INFINITY);
    if (limit.hard > ceiling && explicit.has(name)) {
      host.noticeOnce(`ulimit ${name} is cut to ${ceiling}, because tsbuild may not raise its own limit`);
    }
    return {
      type: `RLIMIT_${name.toUpperCase()}`,
      soft: finite(Math.min(limit.soft, ceiling)),
      hard: finite(Math.min(limit.hard, ceiling)),
    };
  });
}

const finite = (value: number): number => (value === Number.POSITIVE_INFINITY ? UNLIMITED : value);
