// Keeps the devices of the machine from steps of root, who may make nodes of any: the executor enters a
// control group with a filter (device-filter.ts), and steps with it. Users need none: in a user namespace
// the kernel makes no device and opens none.
import { randomBytes } from 'node:crypto';
import { mkdirSync, rmdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { errnoOf, TsbuildError } from '../../../core/errors.ts';
import { loadDeviceFilter } from '../../bpf-calls.ts';
import { inUserNamespace } from '../../step-refusals.ts';
import type { StepHost } from '../step-host.ts';
import { compileDeviceFilter, FUSE_DEVICE, STEP_DEVICES } from './device-filter.ts';

export interface DeviceGuard {
  /** The group that the executor left for that of the filter: steps that may do all go back to it. */
  readonly outside: string;
  /** Guards another group of cgroup2 that steps enter. */
  attach(directory: string): void;
  /** Leaves the group and removes it; everything in it ends. */
  close(): void;
}

/** In force from here on for everything that this process starts; null where none is needed. Error: 'exec/no-device-filter'. */
export function guardDevices(host: StepHost): DeviceGuard | null {
  // runc makes groups of its own and sets their devices.
  if (host.rootless || inUserNamespace() || host.runtime().kind === 'runc') return null;
  const place = host.workplace.cgroup2;
  if (place === null) throw noFilter('cgroup2 cannot be mounted');
  const name = `tsbuild-${randomBytes(6).toString('hex')}`;
  const directory = join(place.directory, name);
  try {
    const filter = loadDeviceFilter(compileDeviceFilter(host.trees === 'fuse' ? [...STEP_DEVICES, FUSE_DEVICE] : STEP_DEVICES));
    if (place.hostDirectory !== null) host.callbacks.cgroups([join(place.hostDirectory, name)]);
    mkdirSync(directory);
    try {
      filter.attach(directory);
      enter(directory);
    } catch (error) {
      rmdirSync(directory);
      throw error;
    }
    return { ...filter, outside: place.directory, close: () => leave(directory, place.directory) };
  } catch (cause) {
    const errno = errnoOf(cause);
    if (errno === undefined) throw cause;
    throw noFilter(errno, cause);
  }
}

const enter = (group: string): void => writeFileSync(join(group, 'cgroup.procs'), String(process.pid));

/** What still runs in it ends with this process anyway, the first of its namespace; a group goes only when it is empty. */
function leave(group: string, outside: string): void {
  try {
    enter(outside);
    if (process.pid === 1) process.kill(-1, 'SIGKILL');
  } catch {
    // Nothing else runs.
  }
  const clock = new Int32Array(new SharedArrayBuffer(4));
  for (let tries = 0; tries < 100; tries += 1) {
    try {
      rmdirSync(group);
      return;
    } catch (error) {
      if (errnoOf(error) !== 'EBUSY') return;
      Atomics.wait(clock, 0, 0, 10);
    }
  }
}

const noFilter = (why: string, cause?: unknown): TsbuildError =>
  new TsbuildError({
    code: 'exec/no-device-filter',
    message: `the devices of this machine cannot be kept from steps of root (${why})`,
    hint: 'Let tsbuild use bpf(2) and cgroup2, install runc instead of crun, or build as another user. If the container around tsbuild is the sandbox, use --isolation=chroot.',
    cause,
  });
