// Ends every process whose root directory is a step's tree. Without a pid namespace this is how a step
// and whatever it left behind are found; nothing can leave its root without rights it does not have.
import { readdirSync, readlinkSync } from 'node:fs';

const ROUNDS = 100;

/** `tree` absolute and without links. */
export function killInside(tree: string): void {
  for (let round = 0; round < ROUNDS; round += 1) {
    const inside = processesInside(tree);
    if (inside.length === 0) return;
    for (const pid of inside) kill(pid);
  }
}

function processesInside(tree: string): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name) && rootOf(name) === tree)
    .map(Number);
}

function rootOf(pid: string): string | null {
  try {
    return readlinkSync(`/proc/${pid}/root`);
  } catch {
    return null;
  }
}

function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // ended meanwhile
  }
}
