// What this machine offers for RUN steps, for `tsbuild doctor`: each finding says what it means and,
// where something better is possible, the command that gets it. Looks only, changes nothing.
import { accessSync, constants, existsSync, readdirSync } from 'node:fs';
import { isCgroup2 } from '../enter-namespace.ts';
import { type IdRange, readIdRanges } from '../id-map.ts';
import { callerIdentity, type Isolation, type Trees } from '../launch.ts';
import { hasCapability } from '../sandbox/confinement/capabilities.ts';
import { EMULATED } from '../sandbox/emulation.ts';
import { findProgram } from '../sandbox/find-program.ts';
import { readHostFile } from '../sandbox/host-file.ts';
import { programVersion } from '../sandbox/runtime.ts';
import { type Attempt, attempt, type Finding } from './finding.ts';
import { deviceFinding } from './probe-devices.ts';
import { probeTrees } from './probe-trees.ts';

export interface HostReport {
  /** How steps will be kept apart; null when RUN cannot work here. */
  readonly isolation: Isolation | null;
  /** How the file systems of steps will be made. */
  readonly trees: Trees;
  readonly findings: readonly Finding[];
}

/** `store`: its root, which need not exist. Runs a few short-lived programs; takes some ten milliseconds. */
export async function probeHost(store: string): Promise<HostReport> {
  const identity = callerIdentity();
  const ranges = readIdRanges(identity);
  const root = identity.uid === 0;
  const mapped = Math.min(total(ranges.uid), total(ranges.gid)) > 0 && findProgram('newuidmap') !== null;
  const rootNamespaces = root ? attempt('unshare', '-m', '-p', '-f', 'true') : null;
  const userNamespaces = attempt('unshare', '-U', 'true');
  const runtime = runtimeFinding();
  const stacking = probeTrees(store, root);
  const devices = rootNamespaces?.works === true ? deviceFinding() : null;
  const findings = [
    userFinding(identity.uid, identity.user),
    ...(rootNamespaces === null ? [] : [rootNamespaceFinding(rootNamespaces)]),
    userNamespaceFinding(userNamespaces, root),
    ...(root ? [] : [rangeFinding(ranges.uid, ranges.gid, identity.user ?? String(identity.uid)), helperFinding()]),
    ...stacking.findings,
    runtime,
    networkFinding(root),
    tunFinding(),
    cgroupFinding(),
    ...(devices === null ? [] : [devices]),
    seccompFinding(),
    resourceFinding(),
    emulatorFinding(root),
  ];
  const best = root ? (rootNamespaces?.works === true ? 'root' : null) : userNamespaces.works ? (mapped ? 'rootless' : 'single') : null;
  // A chroot needs no runtime; it is taken where namespaces are refused, not where the runtime is missing.
  if (best === null) return { isolation: root ? 'chroot' : null, trees: 'copy', findings };
  return { isolation: runtime.state === 'missing' || devices?.state === 'missing' ? null : best, trees: stacking.trees, findings };
}

const total = (ranges: readonly IdRange[]): number => ranges.reduce((sum, range) => sum + range.count, 0);

const userFinding = (uid: number, user: string | undefined): Finding => ({
  name: 'user',
  state: 'good',
  value: `${user ?? 'no name'} (uid ${uid})`,
  meaning: uid === 0 ? 'Steps run in namespaces of root.' : 'Steps run rootless, in a user namespace.',
});

function rootNamespaceFinding({ works, detail }: Attempt): Finding {
  if (works) return { name: 'namespaces', state: 'good', value: 'permitted', meaning: 'Steps get mounts and processes of their own.' };
  return {
    name: 'namespaces',
    state: 'fair',
    value: `refused${detail === '' ? '' : ` (${detail})`}`,
    meaning: 'This looks like a container without rights: steps run in a chroot, without /proc, and apart from each other only as files.',
    improve: 'docker run --privileged …',
  };
}

function userNamespaceFinding({ works, detail }: Attempt, root: boolean): Finding {
  const name = 'user-namespaces';
  if (works) return { name, state: 'good', value: 'permitted', meaning: 'Builds without root are possible.' };
  const apparmor = readHostFile('/proc/sys/kernel/apparmor_restrict_unprivileged_userns')?.trim() === '1';
  return {
    name,
    state: root ? 'fair' : 'missing',
    value: `refused${detail === '' ? '' : ` (${detail})`}`,
    meaning: root ? 'Not needed as root; other users cannot run steps.' : 'Steps cannot run as this user.',
    improve: apparmor
      ? 'sudo sysctl -w kernel.apparmor_restrict_unprivileged_userns=0'
      : 'sudo sysctl -w kernel.unprivileged_userns_clone=1 user.max_user_namespaces=28633',
  };
}

function rangeFinding(uid: readonly IdRange[], gid: readonly IdRange[], user: string): Finding {
  const [users, groups] = [total(uid), total(gid)];
  const value = `${users} users, ${groups} groups`;
  if (users >= 65_535 && groups >= 65_535) {
    return { name: 'id-ranges', state: 'good', value, meaning: 'Steps can use any user id that images use.' };
  }
  return {
    name: 'id-ranges',
    state: 'fair',
    value,
    meaning:
      users === 0
        ? 'Steps have one user id: chown, su and package managers that drop rights fail.'
        : 'Ids beyond the range are missing in steps.',
    improve: `sudo usermod --add-subuids 100000-165535 --add-subgids 100000-165535 ${user}`,
  };
}

function helperFinding(): Finding {
  const name = 'newuidmap';
  const found = findProgram('newuidmap') !== null && findProgram('newgidmap') !== null;
  if (found) return { name, state: 'good', value: 'installed', meaning: 'Ranges of /etc/subuid can be used.' };
  return {
    name,
    state: 'fair',
    value: 'not installed',
    meaning: 'Ranges of /etc/subuid cannot be used.',
    improve: 'sudo apt-get install uidmap',
  };
}

function runtimeFinding(): Finding {
  const name = 'runtime';
  const [crun, runc] = [findProgram('crun'), findProgram('runc')];
  if (crun !== null) return { name, state: 'good', value: programVersion(crun) ?? crun, meaning: 'Steps start in a few milliseconds.' };
  if (runc !== null) {
    return {
      name,
      state: 'fair',
      value: programVersion(runc) ?? runc,
      meaning: 'crun would start steps faster.',
      improve: 'sudo apt-get install crun',
    };
  }
  return {
    name,
    state: 'missing',
    value: 'neither crun nor runc',
    meaning: 'RUN steps cannot start.',
    improve: 'sudo apt-get install crun',
  };
}

function networkFinding(root: boolean): Finding {
  const name = 'network';
  const helper = ['pasta', 'slirp4netns'].find((program) => findProgram(program) !== null);
  if (helper === undefined) {
    const meaning = 'Steps share the network of this machine, its loopback included.';
    return { name, state: 'fair', value: 'no pasta or slirp4netns', meaning, improve: 'sudo apt-get install passt' };
  }
  if (root || canOpenTun()) return { name, state: 'good', value: helper, meaning: 'Steps have a private network with outside access.' };
  const meaning = `${helper} needs /dev/net/tun, so steps share the network of this machine.`;
  return { name, state: 'fair', value: `${helper}, but no /dev/net/tun`, meaning, improve: 'sudo chmod 666 /dev/net/tun' };
}

function canOpenTun(): boolean {
  try {
    accessSync('/dev/net/tun', constants.R_OK | constants.W_OK);
    return true;
  } catch {
    return false;
  }
}

function tunFinding(): Finding {
  const name = 'tun';
  if (canOpenTun()) return { name, state: 'good', value: '/dev/net/tun is open', meaning: 'Network helpers can work.' };
  const there = existsSync('/dev/net/tun');
  return {
    name,
    state: 'fair',
    value: there ? '/dev/net/tun is closed to this user' : '/dev/net/tun is missing',
    meaning: 'Private networks for steps need it.',
    improve: there ? 'sudo chmod 666 /dev/net/tun' : 'sudo modprobe tun',
  };
}

function cgroupFinding(): Finding {
  const name = 'cgroups';
  if (isCgroup2('/sys/fs/cgroup')) return { name, state: 'good', value: 'cgroup2', meaning: 'Memory and CPU limits can work.' };
  const hybrid = isCgroup2('/sys/fs/cgroup/unified');
  const v1 = existsSync('/sys/fs/cgroup/memory');
  if (!v1) return { name, state: 'fair', value: 'none', meaning: 'Limits of steps are not enforced.' };
  const meaning = 'Handled: steps see cgroup2 only, limits use the v1 controllers.';
  return { name, state: 'good', value: hybrid ? 'hybrid (v1 and v2)' : 'v1', meaning };
}

function seccompFinding(): Finding {
  const name = 'seccomp';
  const there = /^Seccomp:/m.test(readHostFile('/proc/self/status') ?? '');
  if (there) return { name, state: 'good', value: 'available', meaning: "Steps run under Docker's system call filter." };
  return { name, state: 'fair', value: 'not in this kernel', meaning: 'Steps run without a system call filter.' };
}

function resourceFinding(): Finding {
  const name = 'limits';
  if (hasCapability('SYS_RESOURCE', readHostFile('/proc/self/status') ?? '')) {
    return { name, state: 'good', value: 'may be raised', meaning: '--ulimit can exceed the limits of this shell.' };
  }
  return { name, state: 'fair', value: 'no CAP_SYS_RESOURCE', meaning: '--ulimit is cut to the hard limits of this shell.' };
}

function emulatorFinding(root: boolean): Finding {
  const name = 'emulators';
  const registered = readdirOrEmpty('/proc/sys/fs/binfmt_misc').filter((entry) => entry.startsWith('qemu-'));
  const installed = Object.entries(EMULATED).filter(([, { qemu }]) => findProgram(`qemu-${qemu}-static`) !== null);
  const improve = 'sudo apt-get install qemu-user-static binfmt-support';
  if (registered.length > 0) return { name, state: 'good', value: registered.join(', '), meaning: 'RUN works for these platforms too.' };
  if (installed.length > 0 && !root) {
    const meaning = 'RUN works for these platforms too, on Linux 6.7 or later.';
    return { name, state: 'good', value: installed.map(([architecture]) => architecture).join(', '), meaning };
  }
  return {
    name,
    state: 'fair',
    value: installed.length > 0 ? 'not registered' : 'none',
    meaning: 'RUN works for the platform of this machine only.',
    improve,
  };
}

function readdirOrEmpty(path: string): readonly string[] {
  try {
    return readdirSync(path);
  } catch {
    return [];
  }
}
