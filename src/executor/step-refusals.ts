// What the kernel refuses to steps here and would not refuse to those of root of the machine. A step may
// swallow a refusal and end well with other files, so it is part of the key of what the step makes:
// a build takes records only of steps that were refused nothing else than its own steps are.
import { readlinkSync } from 'node:fs';
import { type IdRange, readIdRanges } from './id-map.ts';
import { callerIdentity, type Isolation, type IsolationMode, isolationChoices } from './launch.ts';
import { boundingSet, hasCapability, stepCapabilities } from './sandbox/confinement/capabilities.ts';
import { findProgram } from './sandbox/find-program.ts';
import { readHostFile } from './sandbox/host-file.ts';

/** Short texts, sorted. Empty for root of the machine. */
export type Refusals = readonly string[];

/** Of steps that `mode` will get if nothing is in its way: never more than they really meet. Starts nothing. */
export function expectedRefusals(mode: IsolationMode): Refusals {
  const possible = isolationChoices(mode).filter(isPossible);
  return refusalsOf(possible[0] ?? 'chroot', mode);
}

/** Rules out what cannot work, so that a build with all its steps in the cache need not try it. */
function isPossible(isolation: Isolation): boolean {
  if (isolation === 'root') return hasCapability('SYS_ADMIN', ownStatus());
  return isolation !== 'rootless' || findProgram('newuidmap') !== null;
}

/** Of steps under an isolation that works here. */
export function refusalsOf(isolation: Isolation, mode: IsolationMode): Refusals {
  const ids = mappedIds(isolation);
  const capabilities = missingCapabilities();
  return [
    ...(capabilities === '' ? [] : [capabilities]),
    ...(isolation === 'rootless' || isolation === 'single' || inUserNamespace() ? ['devices'] : []),
    ...(isolation === 'chroot' ? ['namespaces'] : []),
    // Asked for, not chosen: then it is used even if its version is not exact (choose-trees.ts).
    ...(mode === 'fuse' ? ['exact overlays'] : []),
    // Who has fewer than usual is refused what users with the usual range are refused, too.
    ...[...new Set([ids, Math.max(ids, USUAL_IDS)])].filter((count) => count < ALL_IDS).map((count) => `ids from ${count}`),
  ].sort();
}

const ALL_IDS = 2 ** 32 - 1;
/** The user itself and a range as `useradd` gives it. */
const USUAL_IDS = 1 + 2 ** 16;
/** Inode of the first user namespace, PROC_USER_INIT_INO of linux/proc_ns.h. */
const INITIAL = 'user:[4026531837]';

export const inUserNamespace = (): boolean => readlinkSync('/proc/self/ns/user') !== INITIAL;

const ownStatus = (): string => readHostFile('/proc/self/status') ?? '';

/** How many users and groups steps can use, from 0 upwards. */
function mappedIds(isolation: Isolation): number {
  if (isolation === 'single') return 1;
  if (isolation === 'rootless') {
    const { uid, gid } = readIdRanges(callerIdentity());
    return 1 + Math.min(total(uid), total(gid));
  }
  return Math.min(...['uid_map', 'gid_map'].map((name) => firstIds(readHostFile(`/proc/self/${name}`) ?? '')));
}

const total = (ranges: readonly IdRange[]): number => ranges.reduce((sum, { count }) => sum + count, 0);

/** Ids of a uid_map text that follow each other from 0. */
export function firstIds(text: string): number {
  let next = 0;
  for (const line of text.trim().split('\n')) {
    const [inside, , count] = line.trim().split(/\s+/).map(Number);
    if (inside === next) next += count ?? 0;
  }
  return next;
}

/** Of Docker's set. */
function missingCapabilities(): string {
  const own = new Set(stepCapabilities('sandbox', boundingSet(ownStatus())));
  return stepCapabilities('sandbox', ~0n)
    .filter((name) => !own.has(name))
    .join(' ');
}

/** Refusals that steps may have met whose records count where `refused` is: fewest first, itself last. */
export function coveredBy(refused: Refusals): readonly Refusals[] {
  const subsets: Refusals[] = [[]];
  for (const refusal of refused) subsets.push(...subsets.map((subset) => [...subset, refusal]));
  return subsets.sort((a, b) => a.length - b.length);
}
