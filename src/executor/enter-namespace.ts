// First work of the executor process: makes the namespaces it was started in its own. Mounts become
// private, /proc shows its own pid namespace, control groups are one cgroup2 tree (runtimes refuse
// mixtures), and a private tmpfs holds everything that must vanish with the process.
import { mkdirSync, mkdtempSync, statfsSync } from 'node:fs';
import { basename, join } from 'node:path';
import { SNAPSHOTS_DIR } from '../cache/store-layout.ts';
import { errnoOf, invariant, TsbuildError } from '../core/errors.ts';
import { type ExecutorConfig, mountNamespace } from './launch.ts';
import { MS_BIND, MS_NODEV, MS_NOEXEC, MS_NOSUID, MS_PRIVATE, MS_REC, type NamespaceCalls } from './namespace-calls.ts';
import { type BinfmtHandler, readHandlers } from './sandbox/binfmt.ts';
import { SyscallError } from './syscalls.ts';

const CGROUP2_MAGIC = 0x63677270;
const BINFMT_MISC = '/proc/sys/fs/binfmt_misc';

export interface Workplace {
  /** Private directory for bundles, secrets, mount points; gone with the process. */
  readonly run: string;
  /** The same, relative to the working directory: free of characters that mount options give a meaning. */
  readonly runRelative: string;
  /** The host's /sys/fs/cgroup as it was, or null when hidden. */
  readonly hostCgroups: string | null;
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
  const hostCgroups = unifyCgroups(calls, run);
  process.chdir(snapshots);
  return { run, runRelative: '../run', hostCgroups, store: config.root, binfmts };
}

/** Where nothing can be mounted: a plain directory, removed at the end. */
export function enterPlainly(calls: NamespaceCalls, config: ExecutorConfig): Workplace {
  process.umask(0o022);
  const snapshots = join(config.root, SNAPSHOTS_DIR);
  mkdirSync(snapshots, { recursive: true });
  calls.dieWithParent();
  const run = mkdtempSync(join(config.root, 'run-'));
  process.chdir(snapshots);
  return { run, runRelative: `../${basename(run)}`, hostCgroups: null, store: config.root, binfmts: readHandlers(BINFMT_MISC) };
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
function unifyCgroups(calls: NamespaceCalls, run: string): string | null {
  const kept = join(run, 'cgroups');
  mkdirSync(kept);
  const bound = attempt(() => calls.mount('/sys/fs/cgroup', kept, null, MS_BIND | MS_REC));
  if (!isCgroup2('/sys/fs/cgroup')) {
    // In a user namespace cgroup2 can only be mounted from a control group namespace it owns.
    attempt(() => calls.unshareCgroups());
    attempt(() => calls.mount('cgroup2', '/sys/fs/cgroup', 'cgroup2', MS_NOSUID | MS_NODEV | MS_NOEXEC));
  }
  return bound ? kept : null;
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
