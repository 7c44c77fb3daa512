// One --ulimit: which limits there are, and how they are written. The command line refuses what is not
// one, and the sandbox sets what is.

/** Name on the command line → row of /proc/PID/limits. */
export const ULIMITS: Readonly<Record<string, string>> = {
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

/** Infinity is "unlimited". */
export interface Limit {
  readonly soft: number;
  readonly hard: number;
}

const ENTRY = /^([a-z]+)=(-1|\d{1,15}|unlimited)(?::(-1|\d{1,15}|unlimited))?$/;

export const limitValue = (text: string): number => (text === '-1' || text === 'unlimited' ? Number.POSITIVE_INFINITY : Number(text));

/** One `name=soft[:hard]`; null when it is none, or its soft limit is above the hard one. */
export function parseUlimit(entry: string): (Limit & { readonly name: string }) | null {
  const match = ENTRY.exec(entry);
  const name = match?.[1] ?? '';
  if (match === null || !Object.hasOwn(ULIMITS, name)) return null;
  const soft = limitValue(match[2] ?? '');
  const hard = match[3] === undefined ? soft : limitValue(match[3]);
  return soft > hard ? null : { name, soft, hard };
}
