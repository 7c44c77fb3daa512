// A command on a machine unlike this one: with devices that everybody may open, without some programs, without
// user namespaces, or with a network whose only resolver listens on the loopback. Only the command sees it.
import { join } from 'node:path';
import { findProgram } from '../../src/executor/sandbox/find-program.ts';
import { findBusybox } from './busybox-root.ts';

/** Devices that many machines keep to root, with their numbers. */
const DEVICES = { 'net/tun': [10, 200], fuse: [10, 229] } as const;
export type Device = keyof typeof DEVICES;

export interface Machine {
  readonly devices?: readonly Device[];
  /** Names of programs that are not installed there. */
  readonly without?: readonly string[];
  /** A network of its own, an interface that leads nowhere, and this address as the only resolver: it knows every name. */
  readonly resolver?: string;
  readonly userNamespaces?: boolean;
  /** One hierarchy of control groups, which may be closed. */
  readonly cgroup2?: 'writable' | 'read-only';
  /** Filters cannot be loaded into the kernel. */
  readonly bpf?: false;
}

/** What the resolver answers. */
export const RESOLVED = '192.0.2.77';

/** The command line that runs another one, appended to it, there. Needs root, which the command keeps. */
export function onMachine(machine: Machine): readonly string[] {
  const { devices = [], without = [], resolver, userNamespaces = true, cgroup2, bpf } = machine;
  const lines = [
    ...(cgroup2 === undefined ? [] : unified(cgroup2)),
    ...devices.flatMap(openDevice),
    ...without.flatMap(hideProgram),
    ...(resolver === undefined ? [] : network(resolver)),
  ];
  const after = bpf === false ? [process.execPath, join(import.meta.dirname, 'without-bpf.ts')] : [];
  if (lines.length === 0 && userNamespaces) return after;
  const script = ['set -e', ...lines, userNamespaces ? 'exec "$@"' : WITHOUT_NAMESPACES].join('\n');
  return ['unshare', resolver === undefined ? '-m' : '-mn', 'sh', '-c', script, 'sh', ...after];
}

const unified = (access: 'writable' | 'read-only'): readonly string[] => [
  'mount -t cgroup2 cgroup2 /sys/fs/cgroup',
  ...(access === 'writable' ? [] : ['mount -o remount,bind,ro /sys/fs/cgroup']),
];

function openDevice(name: Device): readonly string[] {
  const [major, minor] = DEVICES[name];
  return [
    'mount -t tmpfs -o mode=755 devices /mnt',
    `mknod -m 666 /mnt/node c ${major} ${minor}; mount --bind /mnt/node /dev/${name}`,
    'umount -l /mnt',
  ];
}

/** A file that nobody can run takes the program's place. */
const hideProgram = (name: string): readonly string[] => {
  const path = findProgram(name);
  return path === null ? [] : [`mount --bind /dev/null ${path}`];
};

const network = (resolver: string): readonly string[] => {
  const busybox = findBusybox();
  return [
    `${busybox} ip link set lo up; ${busybox} tunctl -t out0 >/dev/null; ${busybox} ip link set out0 up`,
    `${busybox} ip addr add 192.0.2.1/24 dev out0; ${busybox} ip route add default via 192.0.2.254`,
    'mount -t tmpfs -o mode=755 names /mnt',
    `echo nameserver ${resolver} > /mnt/resolv.conf; mount --bind /mnt/resolv.conf "$(readlink -f /etc/resolv.conf)"; umount -l /mnt`,
    `${process.execPath} ${join(import.meta.dirname, 'name-server.ts')} ${resolver} ${RESOLVED} "$$" >/dev/null`,
  ];
};

/** The limit of a user namespace holds for those inside it; all ids stay what they are. Its first shell has no rights yet. */
const WITHOUT_NAMESPACES = `unshare -U sh -c 'until grep -q . /proc/self/uid_map; do sleep 0.02; done; exec sh -c "$0" sh "$@"' 'echo 0 > /proc/sys/user/max_user_namespaces; exec "$@"' "$@" <&0 &
for map in uid_map gid_map; do until echo 0 0 4294967295 > /proc/$!/$map; do sleep 0.02; done 2>/dev/null; done
wait $!`;
