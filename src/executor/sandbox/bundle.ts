// The OCI runtime bundle of one step: config.json (runtime-spec 1.0) with Docker's isolation. Pure;
// everything that had to be looked up comes in as data.
import type { TerminalSize } from '../executor.ts';
import type { StepUser } from './user-lookup.ts';

export interface OciMount {
  readonly destination: string;
  readonly type: string;
  readonly source: string;
  readonly options: readonly string[];
}

export interface Rlimit {
  readonly type: string;
  readonly soft: number;
  readonly hard: number;
}

export interface BundleInput {
  readonly rootfs: string;
  readonly args: readonly string[];
  readonly env: readonly string[];
  readonly cwd: string;
  readonly user: StepUser;
  readonly hostname: string;
  readonly capabilities: readonly string[];
  readonly rlimits: readonly Rlimit[];
  /** After the fixed ones, in order. */
  readonly mounts: readonly OciMount[];
  /** A namespace to join, a new empty one, or none (the executor's). */
  readonly network: { readonly type: 'join'; readonly path: string } | { readonly type: 'new' } | { readonly type: 'host' };
  readonly insecure: boolean;
  /** In a user namespace: a new /sys can only be mounted together with a new network namespace. */
  readonly rootless: boolean;
  /** The step starts in a control group of its own. */
  readonly ownGroup: boolean;
  /** Only id 0 exists: no terminal group, and the kernel forbids to set groups. */
  readonly singleId: boolean;
  /** Bytes of /dev/shm. */
  readonly shmSize: number;
  /** The process gets a terminal. */
  readonly terminal?: TerminalSize;
  /** Seccomp as the runtime takes it: a ready program, an OCI profile, or nothing. */
  readonly seccomp: { readonly program: string } | { readonly profile: object } | null;
  /** For a runtime that makes control groups itself. */
  readonly cgroupsPath?: string;
  /** Those of READ_ONLY that this kernel has, for crun, which loses their flags: as mounts from the executor's /proc, where they are the same. */
  readonly readOnlyMounts?: readonly string[];
}

const MASKED = [
  '/proc/asound',
  '/proc/acpi',
  '/proc/interrupts',
  '/proc/kcore',
  '/proc/keys',
  '/proc/latency_stats',
  '/proc/timer_list',
  '/proc/timer_stats',
  '/proc/sched_debug',
  '/proc/scsi',
  '/sys/firmware',
  '/sys/devices/virtual/powercap',
];
/** Read-only for sandboxed steps. */
export const READ_ONLY: readonly string[] = ['/proc/bus', '/proc/fs', '/proc/irq', '/proc/sys', '/proc/sysrq-trigger'];

/** For a runtime that makes control groups itself: nodes of any device, and it adds those that every container may open. */
const OWN_DEVICES = {
  resources: { devices: [{ allow: false, access: 'rwm' }, ...['c', 'b'].map((type) => ({ allow: true, type, access: 'm' }))] },
};

/** What Docker gives /dev/shm without --shm-size. */
export const DEFAULT_SHM = 64 * 1024 * 1024;

export function bundleConfig(input: BundleInput): object {
  const { capabilities, seccomp } = input;
  return {
    ociVersion: '1.0.2',
    process: {
      terminal: input.terminal !== undefined,
      ...(input.terminal === undefined ? {} : { consoleSize: { height: input.terminal.rows, width: input.terminal.columns } }),
      user: { uid: input.user.uid, gid: input.user.gid, umask: 0o022, additionalGids: input.singleId ? [] : input.user.groups },
      args: input.args,
      env: input.env,
      cwd: input.cwd,
      capabilities: { bounding: capabilities, effective: capabilities, permitted: capabilities },
      rlimits: input.rlimits,
      noNewPrivileges: false,
    },
    root: { path: input.rootfs, readonly: false },
    hostname: input.hostname,
    mounts: [...fixedMounts(input), ...input.mounts],
    annotations: {
      ...(seccomp !== null && 'program' in seccomp ? { 'run.oci.seccomp_bpf_data': seccomp.program } : {}),
      ...(input.singleId ? { 'run.oci.keep_original_groups': '1' } : {}),
    },
    linux: {
      namespaces: namespaces(input.network),
      ...(input.insecure ? {} : { maskedPaths: MASKED, readonlyPaths: input.readOnlyMounts === undefined ? READ_ONLY : [] }),
      ...(input.insecure ? { resources: { devices: [{ allow: true, access: 'rwm' }] } } : {}),
      ...(seccomp !== null && 'profile' in seccomp ? { seccomp: seccomp.profile } : {}),
      ...(input.cgroupsPath === undefined ? {} : { cgroupsPath: input.cgroupsPath, ...(input.insecure ? {} : OWN_DEVICES) }),
    },
  };
}

function namespaces(network: BundleInput['network']): object[] {
  const fixed = ['pid', 'ipc', 'uts', 'mount', 'cgroup'].map((type) => ({ type }));
  if (network.type === 'host') return fixed;
  return [...fixed, network.type === 'join' ? { type: 'network', path: network.path } : { type: 'network' }];
}

/** Read-only for the step, but for what is mounted below: that is the host's. */
const HOST_SYS: OciMount = { destination: '/sys', type: 'bind', source: '/sys', options: ['rbind', 'nosuid', 'noexec', 'nodev', 'ro'] };

const ownSys = (access: 'ro' | 'rw'): OciMount => ({
  ...{ destination: '/sys', type: 'sysfs', source: 'sysfs' },
  options: ['nosuid', 'noexec', 'nodev', access],
});

/** The step's group as the only one; nothing where it has none, because it would see those of the machine. */
const controlGroups = (own: boolean, access: 'ro' | 'rw'): OciMount => ({
  destination: '/sys/fs/cgroup',
  ...(own ? { type: 'cgroup', source: 'cgroup' } : { type: 'tmpfs', source: 'tmpfs' }),
  options: ['nosuid', 'noexec', 'nodev', ...(own ? ['relatime', access] : ['size=0k', 'mode=555', 'ro'])],
});

function fixedMounts(input: BundleInput): OciMount[] {
  const access = input.insecure ? 'rw' : 'ro';
  return [
    { destination: '/proc', type: 'proc', source: 'proc', options: ['nosuid', 'noexec', 'nodev'] },
    { destination: '/dev', type: 'tmpfs', source: 'tmpfs', options: ['nosuid', 'strictatime', 'mode=755', 'size=65536k'] },
    {
      destination: '/dev/pts',
      type: 'devpts',
      source: 'devpts',
      options: ['nosuid', 'noexec', 'newinstance', 'ptmxmode=0666', 'mode=0620', ...(input.singleId ? [] : ['gid=5'])],
    },
    { destination: '/dev/shm', type: 'tmpfs', source: 'shm', options: ['nosuid', 'noexec', 'nodev', 'mode=1777', `size=${input.shmSize}`] },
    { destination: '/dev/mqueue', type: 'mqueue', source: 'mqueue', options: ['nosuid', 'noexec', 'nodev'] },
    input.rootless && input.network.type === 'host' ? HOST_SYS : ownSys(access),
    controlGroups(input.ownGroup, access),
    ...(input.insecure ? [] : (input.readOnlyMounts ?? [])).map((path) => ({
      ...{ destination: path, type: 'bind', source: path },
      options: ['rbind', 'nosuid', 'noexec', 'nodev', 'ro'],
    })),
  ];
}

/** RLIM_INFINITY is beyond a double; MAX_SAFE_INTEGER stands for it until the text is made. */
export const serializeBundle = (config: object): string =>
  JSON.stringify(config).replace(/"(soft|hard)":9007199254740991\b/g, '"$1":18446744073709551615');
