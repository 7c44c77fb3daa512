// First work of the executor process: makes the namespaces it was started in its own. Mounts become
// private, /proc shows its own pid namespace, control groups are one cgroup2 tree (runtimes refuse
// mixtures), and a private tmpfs holds everything that must vanish with the process.
import { accessSync, constants, mkdirSync, mkdtempSync, statfsSync } from 'node:fs';
import { basename, join } from 'node:path';
import { SNAPSHOTS_DIR } from '../cache/store-layout.ts';
import { errnoOf, invariant, TsbuildError } from '../core/errors.ts';
import { type ExecutorConfig, mountNamespace } from './launch.ts';
import { MS_BIND, MS_NODEV, MS_NOEXEC, MS_NOSUID, MS_PRIVATE, MS_REC, type NamespaceCalls } from './namespace-calls.ts';
import { type BinfmtHandler, readHandlers } from './sandbox/binfmt.ts';
import { readHostFile } from './sandbox/host-file.ts';
import { SyscallError } from './syscalls.ts';

const CGROUP_FLAGS = MS_NOSUID | MS_NODEV | MS_NOEXEC;
const CGROUPS = '/sys/fs/cgroup';
const CGROUP2_MAGIC = 0x63677270;
const BINFMT_MISC = '/proc/sys/fs/binfmt_misc';

export interface Workplace {
  /** Private directory for bundles, secrets, mount points; gone with the process. */
  readonly run: string;
  /** The same, relative to the working directory: free of characters that mount options give a meaning. */
  readonly runRelative: string;
  /** The host's /sys/fs/cgroup as it was, or null when hidden. */
  readonly hostCgroups: string | null;
  /** The executor's own group of cgroup2. `hostDirectory`: as the main process sees it; null where it can change nothing there. */
  readonly cgroup2: { readonly directory: string; readonly hostDirectory: string | null } | null;
  readonly store: string;
  /** Handlers of the machine for foreign programs. A /proc of our own does not show them any more. */
  readonly binfmts: readonly BinfmtHandler[];
}

/** The working directory becomes snapshots-v1, so that overlay options are short and free of the store's path. */
export function enterNamespace(calls: NamespaceCalls, config: ExecutorConfig): Workplace {
  invariant(mountNamespace() !== config.outside, 'the executor shares the mount namespace of the host');
  process.umask(0o022);
  const run = join(config.root, 'run');
  const snapshots = join(config.root, SNAPSHOTS_DIR);
  mkdirSync(snapshots, { recursive: true });
  mkdirSync(run, { recursive: true, mode: 0o700 });
  calls.dieWithParent();
  calls.mount(null, '/', null, MS_REC | MS_PRIVATE);
  const binfmts = readHandlers(BINFMT_MISC);
  attempt(() => calls.mount('proc', '/proc', 'proc', MS_NOSUID | MS_NODEV | MS_NOEXEC));
  mountRunDirectory(calls, run);
  mkdirSync(join(run, 'runtime'), { mode: 0o700 });
  mkdirSync(join(run, 'empty'));
  const cgroups = unifyCgroups(calls, run);
  process.chdir(snapshots);
  return { run, runRelative: '../run', ...cgroups, store: config.root, binfmts };
}

/** Where nothing can be mounted: a plain directory, removed at the end. */
export function enterPlainly(calls: NamespaceCalls, config: ExecutorConfig): Workplace {
  process.umask(0o022);
  const snapshots = join(config.root, SNAPSHOTS_DIR);
  mkdirSync(snapshots, { recursive: true });
  calls.dieWithParent();
  const run = mkdtempSync(join(config.root, 'run-'));
  process.chdir(snapshots);
  return {
    run,
    runRelative: `../${basename(run)}`,
    hostCgroups: null,
    cgroup2: null,
    store: config.root,
    binfmts: readHandlers(BINFMT_MISC),
  };
}

/** Error: 'exec/no-mount'. */
export function mountRunDirectory(calls: NamespaceCalls, run: string): void {
  try {
    calls.mount('tmpfs', run, 'tmpfs', MS_NOSUID | MS_NODEV, 'mode=700');
  } catch (cause) {
    throw new TsbuildError({
      code: 'exec/no-mount',
      message: `mounts are not permitted in the executor's namespace (${errnoOf(cause) ?? String(cause)})`,
      hint: 'Inside a container, run it with `--privileged`, or with `--security-opt seccomp=unconfined --security-opt apparmor=unconfined`.',
      cause,
    });
  }
}

/** cgroup2 alone at /sys/fs/cgroup; on failure things stay as they are, steps then run without limits. */
function unifyCgroups(calls: NamespaceCalls, run: string): Pick<Workplace, 'hostCgroups' | 'cgroup2'> {
  const kept = join(run, 'cgroups');
  mkdirSync(kept);
  const hostCgroups = attempt(() => calls.mount(CGROUPS, kept, null, MS_BIND | MS_REC)) ? kept : null;
  const own = /^0::(.*)$/m.exec(readHostFile('/proc/self/cgroup') ?? '')?.[1] ?? '/';
  if (isCgroup2(CGROUPS)) {
    // Containers often have it read-only; a mount of our own is not.
    const again = join(run, 'cgroup2');
    mkdirSync(again);
    const directory = join(attempt(() => calls.mount('cgroup2', again, 'cgroup2', CGROUP_FLAGS)) ? again : CGROUPS, own);
    return { hostCgroups, cgroup2: { directory, hostDirectory: isWritable(join(CGROUPS, own)) ? join(CGROUPS, own) : null } };
  }
  const mixed = isCgroup2(join(CGROUPS, 'unified'));
  // In a user namespace cgroup2 can only be mounted from a control group namespace it owns.
  attempt(() => calls.unshareCgroups());
  const alone = attempt(() => calls.mount('cgroup2', CGROUPS, 'cgroup2', CGROUP_FLAGS));
  return { hostCgroups, cgroup2: alone && mixed ? { directory: CGROUPS, hostDirectory: join(CGROUPS, 'unified', own) } : null };
}

function isWritable(directory: string): boolean {
  try {
    accessSync(directory, constants.W_OK);
    return true;
  } catch {
    return false;
  }
}

export function isCgroup2(path: string): boolean {
  try {
    return statfsSync(path).type === CGROUP2_MAGIC;
  } catch {
    return false;
  }
}

/** Runs what the host may refuse; anything but a refused system call is a bug and passes on. */
function attempt(body: () => void): boolean {
  try {
    body();
    return true;
  } catch (error) {
    if (error instanceof SyscallError) return false;
    throw error;
  }
}
