// Whether the devices of this machine can be kept from steps of root (sandbox/confinement/device-guard.ts),
// tried as the executor does it: a filter for the kernel, and a control group of cgroup2 for the steps.
import { errnoOf, messageOf } from '../../core/errors.ts';
import { loadDeviceFilter } from '../bpf-calls.ts';
import { compileDeviceFilter, STEP_DEVICES } from '../sandbox/confinement/device-filter.ts';
import { findProgram } from '../sandbox/find-program.ts';
import { inUserNamespace } from '../step-refusals.ts';
import { attempt, type Finding } from './finding.ts';

/** In a mount namespace of its own, where any directory will do; the group goes again. */
const MAKE_GROUP = `own=$(sed -n s/^0:://p /proc/self/cgroup)
groups=/sys; mount -t cgroup2 cgroup2 /sys 2>/dev/null || groups=/sys/fs/cgroup
[ "$(stat -f -c %t $groups)" = 63677270 ] || { echo 'cgroup2 cannot be mounted' >&2; exit 1; }
mkdir "$groups$own/tsbuild-probe-$$" && rmdir "$groups$own/tsbuild-probe-$$"`;

/** Null where the kernel opens no device for steps anyway. For root whose namespaces are permitted. */
export function deviceFinding(): Finding | null {
  if (inUserNamespace()) return null;
  const name = 'devices';
  const closed = 'Steps can open harmless devices only.';
  if (findProgram('crun') === null) return { name, state: 'good', value: 'closed by runc', meaning: closed };
  const problem = whyNoFilter() ?? whyNoGroup();
  if (problem === null) return { name, state: 'good', value: 'closed by a filter', meaning: closed };
  return {
    name,
    state: 'missing',
    value: `no filter (${problem})`,
    meaning: 'Steps of root are refused: they could read the disks of this machine. runc brings a filter of its own.',
    improve: 'sudo apt-get remove crun && sudo apt-get install runc',
  };
}

function whyNoFilter(): string | null {
  try {
    loadDeviceFilter(compileDeviceFilter(STEP_DEVICES));
    return null;
  } catch (error) {
    return `bpf: ${errnoOf(error) ?? messageOf(error)}`;
  }
}

function whyNoGroup(): string | null {
  const { works, detail } = attempt('unshare', '-m', 'sh', '-c', MAKE_GROUP);
  return works ? null : detail;
}
