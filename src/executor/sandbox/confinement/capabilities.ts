// Capabilities of a step: Docker's fourteen, or everything this executor has for
// --security=insecure. A runtime refuses a capability that its own bounding set lacks, so both lists
// are cut to it.
import { readFileSync } from 'node:fs';

/** Kernel numbering, capabilities(7). */
const NAMES = [
  'CHOWN', 'DAC_OVERRIDE', 'DAC_READ_SEARCH', 'FOWNER', 'FSETID', 'KILL', 'SETGID', 'SETUID', 'SETPCAP', 'LINUX_IMMUTABLE',
  'NET_BIND_SERVICE', 'NET_BROADCAST', 'NET_ADMIN', 'NET_RAW', 'IPC_LOCK', 'IPC_OWNER', 'SYS_MODULE', 'SYS_RAWIO', 'SYS_CHROOT',
  'SYS_PTRACE', 'SYS_PACCT', 'SYS_ADMIN', 'SYS_BOOT', 'SYS_NICE', 'SYS_RESOURCE', 'SYS_TIME', 'SYS_TTY_CONFIG', 'MKNOD', 'LEASE',
  'AUDIT_WRITE', 'AUDIT_CONTROL', 'SETFCAP', 'MAC_OVERRIDE', 'MAC_ADMIN', 'SYSLOG', 'WAKE_ALARM', 'BLOCK_SUSPEND', 'AUDIT_READ',
  'PERFMON', 'BPF', 'CHECKPOINT_RESTORE',
] as const; // biome-ignore format: a table

const DOCKER_DEFAULT: ReadonlySet<string> = new Set([
  'CHOWN', 'DAC_OVERRIDE', 'FSETID', 'FOWNER', 'MKNOD', 'NET_RAW', 'SETGID', 'SETUID', 'SETFCAP', 'SETPCAP', 'NET_BIND_SERVICE',
  'SYS_CHROOT', 'KILL', 'AUDIT_WRITE',
]); // biome-ignore format: a table

/** CapBnd of a /proc/PID/status text as a bit mask. */
export function boundingSet(status: string): bigint {
  const match = /^CapBnd:\s*([0-9a-f]+)$/m.exec(status);
  return match?.[1] === undefined ? ~0n : BigInt(`0x${match[1]}`);
}

/** OCI names (`CAP_CHOWN`…) for a step. */
export function stepCapabilities(security: 'sandbox' | 'insecure', bounding: bigint): string[] {
  return NAMES.filter((name, bit) => (bounding & (1n << BigInt(bit))) !== 0n && (security === 'insecure' || DOCKER_DEFAULT.has(name))).map(
    (name) => `CAP_${name}`,
  );
}

export const ownBoundingSet = (): bigint => boundingSet(readFileSync('/proc/self/status', 'utf8'));

/** Whether a /proc/PID/status text shows the capability as effective. */
export function hasCapability(name: (typeof NAMES)[number], status: string): boolean {
  const match = /^CapEff:\s*([0-9a-f]+)$/m.exec(status);
  return match?.[1] !== undefined && (BigInt(`0x${match[1]}`) & (1n << BigInt(NAMES.indexOf(name)))) !== 0n;
}
