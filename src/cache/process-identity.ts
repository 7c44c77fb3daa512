// Who holds something in the store, in a way that survives reuse of process ids: id, start time and
// pid namespace. Inside another namespace (a container sharing the store) a pid says nothing.
import { readFileSync, readlinkSync } from 'node:fs';
import { errnoOf } from '../core/errors.ts';

export interface ProcessIdentity {
  readonly pid: number;
  /** Clock ticks since boot at which the process started; '' where there is no /proc. */
  readonly start: string;
  /** Boot and pid namespace; '' where there is no /proc. */
  readonly namespace: string;
}

export const thisProcess = (): ProcessIdentity => ({ pid: process.pid, start: startOf(process.pid) ?? '', namespace: namespaceOf() });

/** 'unknown' for a process of another pid namespace: its age must decide. */
export function livenessOf(identity: ProcessIdentity): 'alive' | 'dead' | 'unknown' {
  if (identity.namespace !== namespaceOf()) return 'unknown';
  if (identity.namespace === '') return signalReaches(identity.pid) ? 'alive' : 'dead';
  return startOf(identity.pid) === identity.start ? 'alive' : 'dead';
}

/** Of a process of this namespace: it will not go on before somebody continues it. */
export const isStopped = ({ pid }: ProcessIdentity): boolean => statOf(pid)?.state === 'T';

/** Null for a process that is gone; zombies count as such. */
const startOf = (pid: number): string | null => statOf(pid)?.start ?? null;

/** Fields 3 and 22 of /proc/<pid>/stat, counted after the command name, which may hold blanks and brackets. */
function statOf(pid: number): { readonly state: string; readonly start: string } | null {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    const [state = '', start] = [fields[0], fields[19]];
    return state === 'Z' || state === 'X' || start === undefined ? null : { state, start };
  } catch {
    return null;
  }
}

function namespaceOf(): string {
  try {
    return `${readFileSync('/proc/sys/kernel/random/boot_id', 'latin1').trim()} ${readlinkSync('/proc/self/ns/pid')}`;
  } catch {
    return '';
  }
}

function signalReaches(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return errnoOf(error) === 'EPERM';
  }
}
