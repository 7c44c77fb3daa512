// Signals for the first process of a container. The kernel keeps from it those it has no handler for, because
// it is process 1 of its namespace; then the container ends as any other process would by the signal.
import { constants } from 'node:os';
import { readHostFile } from '../host-file.ts';

/** Whether the process handles the signal or asked to ignore it, by its /proc status. */
function wants(pid: number, name: NodeJS.Signals): boolean {
  const status = readHostFile(`/proc/${pid}/status`) ?? '';
  const bit = 1n << BigInt(constants.signals[name] - 1);
  return [...status.matchAll(/^Sig(?:Cgt|Ign):\t([0-9a-f]+)$/gm)].some(([, mask]) => (BigInt(`0x${mask}`) & bit) !== 0n);
}

/** False when the signal has to end the process, which the caller does. `pid` null: it does not run yet. */
export function passSignal(pid: number | null, name: NodeJS.Signals): boolean {
  if (pid === null || !wants(pid, name)) return false;
  try {
    process.kill(pid, name);
  } catch {
    // ended meanwhile
  }
  return true;
}

/** What shells report of a process that a signal ended. */
export const signalExitCode = (name: NodeJS.Signals): number => 128 + constants.signals[name];
