// The descendants of a process, as /proc shows them, told apart from later users of the same ids.
import { readdirSync, readFileSync } from 'node:fs';

export interface ProcessEntry {
  readonly pid: number;
  readonly parent: number;
  /** Clock ticks since boot. */
  readonly start: string;
  readonly name: string;
}

export function readProcess(pid: number): ProcessEntry | null {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    const end = stat.lastIndexOf(')');
    const fields = stat.slice(end + 2).split(' ');
    if (fields[0] === 'Z' || fields[0] === 'X') return null;
    return { pid, parent: Number(fields[1]), start: fields[19] ?? '', name: stat.slice(stat.indexOf('(') + 1, end) };
  } catch {
    return null;
  }
}

/** Without `root` itself; parents before their children. */
export function descendantsOf(root: number): readonly ProcessEntry[] {
  const children = new Map<number, ProcessEntry[]>();
  for (const name of readdirSync('/proc')) {
    const entry = /^\d+$/.test(name) ? readProcess(Number(name)) : null;
    if (entry !== null) children.set(entry.parent, [...(children.get(entry.parent) ?? []), entry]);
  }
  const found: ProcessEntry[] = [];
  for (const pending = [root]; pending.length > 0; ) {
    const below = children.get(pending.shift() ?? 0) ?? [];
    found.push(...below);
    pending.push(...below.map((entry) => entry.pid));
  }
  return found;
}

export const isAlive = (entry: ProcessEntry): boolean => readProcess(entry.pid)?.start === entry.start;
