// How much memory this process and its children could still take: what the kernel could give without
// swapping, within the limits of the control groups around us.
import { readFileSync } from 'node:fs';
import { freemem } from 'node:os';
import { dirname, join } from 'node:path';

/** Text of a file of the kernel, or null. */
type ReadText = (path: string) => string | null;

/** Names in a memory controller, of its two versions. */
const VERSIONS = {
  2: { root: '/sys/fs/cgroup', limit: 'memory.max', used: 'memory.current', reclaimable: 'inactive_file' },
  1: { root: '/sys/fs/cgroup/memory', limit: 'memory.limit_in_bytes', used: 'memory.usage_in_bytes', reclaimable: 'total_inactive_file' },
} as const;

/** Bytes. `read` stands for the file system in tests. */
export function availableMemory(read: ReadText = readText): number {
  const machine = Number(/^MemAvailable:\s+(\d+) kB$/m.exec(read('/proc/meminfo') ?? '')?.[1]) * 1024;
  return Math.max(0, Math.min(Number.isNaN(machine) ? freemem() : machine, ...groupRooms(read)));
}

/** What is left in each control group from ours up to the root, as far as it has a limit. */
function groupRooms(read: ReadText): number[] {
  const own = read('/proc/self/cgroup') ?? '';
  const rooms: number[] = [];
  for (const [version, pattern] of [
    [2, /^0::(.*)$/m],
    [1, /^\d+:(?:[^:]*,)?memory(?:,[^:]*)?:(.*)$/m],
  ] as const) {
    const path = pattern.exec(own)?.[1];
    if (path === undefined) continue;
    for (let group = join('/', path); ; group = dirname(group)) {
      rooms.push(...roomOf(version, group, read));
      if (group === '/') break;
    }
  }
  return rooms;
}

/** File caches that the kernel would drop count as free. */
function roomOf(version: keyof typeof VERSIONS, group: string, read: ReadText): number[] {
  const { root, limit, used, reclaimable } = VERSIONS[version];
  const at = (name: string): string | null => read(join(root, group, name));
  const max = Number(at(limit) ?? Number.NaN);
  const current = Number(at(used) ?? Number.NaN);
  if (Number.isNaN(max) || Number.isNaN(current)) return [];
  const cache = Number(new RegExp(`^${reclaimable} (\\d+)$`, 'm').exec(at('memory.stat') ?? '')?.[1] ?? 0);
  return [max - current + cache];
}

function readText(path: string): string | null {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return null;
  }
}
