// Resource limits of a step: --ulimit, cut to what this process may grant. Raising a hard limit needs
// CAP_SYS_RESOURCE, which containers and hardened hosts withhold.
import { TsbuildError } from '../../core/errors.ts';
import type { Rlimit } from './bundle.ts';
import { hasCapability } from './capabilities.ts';
import { readHostFile } from './host-file.ts';
import type { StepHost } from './step-host.ts';

/** Name on the command line → row of /proc/PID/limits. */
const KNOWN: Readonly<Record<string, string>> = {
  core: 'Max core file size',
  cpu: 'Max cpu time',
  data: 'Max data size',
  fsize: 'Max file size',
  locks: 'Max file locks',
  memlock: 'Max locked memory',
  msgqueue: 'Max msgqueue size',
  nice: 'Max nice priority',
  nofile: 'Max open files',
  nproc: 'Max processes',
  rss: 'Max resident set',
  rtprio: 'Max realtime priority',
  rttime: 'Max realtime timeout',
  sigpending: 'Max pending signals',
  stack: 'Max stack size',
};

/** Stands for RLIM_INFINITY until the bundle is written. */
const UNLIMITED = Number.MAX_SAFE_INTEGER;
const DOCKER_NOFILE = 1024 * 1024;
const ENTRY = /^([a-z]+)=(-1|\d{1,15}|unlimited)(?::(-1|\d{1,15}|unlimited))?$/;

interface Limit {
  readonly soft: number;
  readonly hard: number;
}

const limitValue = (text: string): number => (text === '-1' || text === 'unlimited' ? Number.POSITIVE_INFINITY : Number(text));

/** Hard limits of a /proc/PID/limits text by row name. */
export function parseHardLimits(text: string): Map<string, number> {
  const limits = new Map<string, number>();
  for (const line of text.split('\n')) {
    const match = /^(.+?)\s{2,}(unlimited|\d+)\s+(unlimited|\d+)/.exec(line);
    if (match !== null) limits.set(match[1] ?? '', limitValue(match[3] ?? ''));
  }
  return limits;
}

/** One `name=soft[:hard]`. Error: 'exec/bad-ulimit'. */
export function parseUlimit(entry: string): Limit & { readonly name: string } {
  const match = ENTRY.exec(entry);
  const name = match?.[1] ?? '';
  const soft = limitValue(match?.[2] ?? '');
  const hard = match?.[3] === undefined ? soft : limitValue(match[3]);
  if (match === null || !Object.hasOwn(KNOWN, name) || soft > hard) {
    throw new TsbuildError({
      code: 'exec/bad-ulimit',
      message: `ulimit ${JSON.stringify(entry)} is not valid`,
      hint: `Write name=soft[:hard] with a name of: ${Object.keys(KNOWN).join(', ')}.`,
    });
  }
  return { name, soft, hard };
}

export function stepRlimits(host: StepHost, ulimits: readonly string[]): Rlimit[] {
  const mayRaise = host.config.isolation === 'root' && hasCapability('SYS_RESOURCE', readHostFile('/proc/self/status') ?? '');
  const hardLimits = parseHardLimits(readHostFile('/proc/self/limits') ?? '');
  const wanted = new Map<string, Limit>([['nofile', { soft: DOCKER_NOFILE, hard: DOCKER_NOFILE }]]);
  for (const entry of ulimits) {
    const { name, ...limit } = parseUlimit(entry);
    wanted.set(name, limit);
  }
  const explicit = new Set(ulimits.map((entry) => entry.slice(0, entry.indexOf('='))));
  return [...wanted].map(([name, limit]) => {
    const ceiling = mayRaise ? Number.POSITIVE_INFINITY : (hardLimits.get(KNOWN[name] ?? '') ?? Number.POSITIVE_INFINITY);
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
