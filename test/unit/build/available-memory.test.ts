// Files of the kernel as they are on real machines → what a step could still take.
import { expect, it } from 'vitest';
import { availableMemory } from '../../../src/build/solve/available-memory.ts';

const MIB = 2 ** 20;
const meminfo = (mib: number): string => `MemTotal:       24683520 kB\nMemFree:         1000 kB\nMemAvailable:   ${mib * 1024} kB\n`;
const of = (files: Readonly<Record<string, string>>): number => availableMemory((path) => files[path] ?? null) / MIB;

it.each([
  ['nothing but the machine', { '/proc/meminfo': meminfo(900) }, 900],
  [
    'a group without a limit',
    {
      '/proc/meminfo': meminfo(900),
      '/proc/self/cgroup': '0::/user.slice\n',
      '/sys/fs/cgroup/user.slice/memory.max': 'max\n',
      '/sys/fs/cgroup/user.slice/memory.current': `${50 * MIB}\n`,
    },
    900,
  ],
  [
    'a limit above ours, with file caches that can go',
    {
      '/proc/meminfo': meminfo(900),
      '/proc/self/cgroup': '0::/ci/job/step\n',
      '/sys/fs/cgroup/ci/memory.max': `${512 * MIB}\n`,
      '/sys/fs/cgroup/ci/memory.current': `${400 * MIB}\n`,
      '/sys/fs/cgroup/ci/memory.stat': `anon ${100 * MIB}\ninactive_file ${200 * MIB}\n`,
    },
    312,
  ],
  [
    'a container that sees its group as the root',
    {
      '/proc/meminfo': meminfo(900),
      '/proc/self/cgroup': '0::/\n',
      '/sys/fs/cgroup/memory.max': `${128 * MIB}\n`,
      '/sys/fs/cgroup/memory.current': `${28 * MIB}\n`,
    },
    100,
  ],
  [
    'the first version',
    {
      '/proc/meminfo': meminfo(900),
      '/proc/self/cgroup': '12:cpu,cpuacct:/docker/x\n7:memory:/docker/x\n0::/system.slice\n',
      '/sys/fs/cgroup/memory/docker/x/memory.limit_in_bytes': `${300 * MIB}\n`,
      '/sys/fs/cgroup/memory/docker/x/memory.usage_in_bytes': `${250 * MIB}\n`,
      '/sys/fs/cgroup/memory/docker/x/memory.stat': `inactive_file 0\ntotal_inactive_file ${30 * MIB}\n`,
    },
    80,
  ],
  [
    'more used than allowed',
    {
      '/proc/meminfo': meminfo(900),
      '/proc/self/cgroup': '0::/x\n',
      '/sys/fs/cgroup/x/memory.max': '1000\n',
      '/sys/fs/cgroup/x/memory.current': '2000\n',
    },
    0,
  ],
])('%s', (_, files, mib) => {
  expect(of(files)).toBe(mib);
});

it('finds something on this machine', () => {
  expect(availableMemory()).toBeGreaterThan(0);
});
