// Control groups of a step: made only when memory, CPU or a parent group is asked for, on cgroup2 or
// on the v1 controllers of a hybrid host. The step's processes join before the runtime starts, so
// crun needs no cgroup support of its own; runc insists on making its groups itself. Where groups
// cannot be made the step runs without, and the user is told once.
import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, rmdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { errnoOf } from '../../../core/errors.ts';
import { isCgroup2 } from '../../enter-namespace.ts';
import type { RunRequest } from '../../executor.ts';
import { readHostFile } from '../host-file.ts';
import type { StepHost } from '../step-host.ts';
import type { StepScope } from '../step-scope.ts';

export interface StepCgroups {
  /** Directories whose cgroup.procs the runtime is started in. */
  readonly join: readonly string[];
  /** Whether the step sees groups of its own only, or may see all. */
  readonly own: boolean;
  /** For runc: its own group, relative to the root of the hierarchy. */
  readonly ociPath?: string;
  /** Whether the kernel killed something of the step for memory. */
  oomKilled(): boolean;
}

interface Group {
  /** As seen in the executor. */
  readonly directory: string;
  /** As seen by the main process. */
  readonly hostPath: string;
  /** File name → text; a `?` before the name: may be missing. */
  readonly settings: Readonly<Record<string, string>>;
}

const PERIOD = 100_000;
const HOST_MOUNT = '/sys/fs/cgroup';

export function joinCgroups(host: StepHost, scope: StepScope, request: RunRequest): StepCgroups {
  const path = join('/', cleanParent(request.op.cgroupParent ?? ''), `tsbuild-${randomBytes(6).toString('hex')}`);
  const limited = request.memory !== undefined || request.cpus !== undefined || request.op.cgroupParent !== undefined;
  const insecure = request.op.security === 'insecure';
  const guard = host.deviceGuard();
  const groups = limited ? limitGroups(host, scope, path, request) : [];
  // Without root runc only forgives a group it cannot make when none was asked for.
  const ociPath = host.runtime().kind === 'runc' && !host.rootless ? join(path, 'step') : undefined;
  if (ociPath !== undefined) {
    host.callbacks.cgroups([ociPath, path].flatMap((own) => [join(HOST_MOUNT, own), join(HOST_MOUNT, 'unified', own)]));
    scope.defer(() => removeGroup(join(HOST_MOUNT, path)));
  }
  return {
    join: [...(insecure && guard !== null ? [guard.outside] : []), ...groups.map((group) => group.directory)],
    own: insecure || guard !== null || ociPath !== undefined || groups.some((group) => isCgroup2(group.directory)),
    ...(ociPath === undefined ? {} : { ociPath }),
    oomKilled: () => oomCount(groups) > 0,
  };
}

/** Made and set; empty, with a notice, where that is not possible. */
function limitGroups(host: StepHost, scope: StepScope, path: string, request: RunRequest): readonly Group[] {
  const root = host.workplace.hostCgroups;
  const groups = root === null ? [] : planGroups(root, path, request);
  if (groups.length > 0) return makeGroups(host, scope, groups, request.op.security === 'insecure') ? groups : [];
  host.noticeOnce('limits of steps are not enforced: this machine has no usable control groups');
  return [];
}

/** `..` and absolute forms are names below the root of the hierarchy all the same. */
const cleanParent = (parent: string): string =>
  parent
    .split('/')
    .filter((part) => part !== '' && part !== '.' && part !== '..')
    .join('/');

function planGroups(root: string, name: string, request: RunRequest): Group[] {
  const group = (hierarchy: string, settings: Group['settings']): Group => ({
    directory: join(root, hierarchy, name),
    hostPath: join(HOST_MOUNT, hierarchy, name),
    settings,
  });
  const quota = request.cpus === undefined ? null : Math.max(1_000, Math.round(request.cpus * PERIOD));
  const memory = request.memory === undefined ? null : String(request.memory);
  if (isCgroup2(root)) {
    return [
      group('', {
        ...(memory === null ? {} : { 'memory.max': memory, '?memory.swap.max': '0' }),
        ...(quota === null ? {} : { 'cpu.max': `${quota} ${PERIOD}` }),
      }),
    ];
  }
  const groups: Group[] = [];
  if (memory !== null && existsSync(join(root, 'memory'))) {
    groups.push(group('memory', { 'memory.limit_in_bytes': memory, '?memory.memsw.limit_in_bytes': memory }));
  }
  if (quota !== null && existsSync(join(root, 'cpu'))) {
    groups.push(group('cpu', { 'cpu.cfs_period_us': String(PERIOD), 'cpu.cfs_quota_us': String(quota) }));
  }
  return groups;
}

function makeGroups(host: StepHost, scope: StepScope, groups: readonly Group[], insecure: boolean): boolean {
  host.callbacks.cgroups(groups.map((group) => group.hostPath));
  try {
    for (const { directory, hostPath, settings } of groups) {
      scope.defer(() => removeGroup(directory));
      makeParent(host, join(directory, '..'), join(hostPath, '..'));
      makeGroup(directory, settings);
      // Elsewhere the step stays in the group of the filter.
      if (!insecure && isCgroup2(directory)) host.deviceGuard()?.attach(directory);
    }
    return true;
  } catch (error) {
    if (errnoOf(error) === undefined) throw error;
    const { syscall = 'write' } = error as NodeJS.ErrnoException;
    host.noticeOnce(`limits of steps are not enforced: control groups are refused (${errnoOf(error)} ${syscall})`);
    return false;
  }
}

/** Groups made on the way to a parent that was asked for go at the end of the build, lowest first: other steps may enter them before. */
function makeParent(host: StepHost, parent: string, hostParent: string): void {
  const first = mkdirSync(parent, { recursive: true });
  if (first === undefined) return;
  const made = [hostParent];
  for (let at = parent; at !== first; at = join(at, '..')) made.push(join(made.at(-1) ?? hostParent, '..'));
  host.callbacks.cgroups(made);
}

function makeGroup(directory: string, settings: Group['settings']): void {
  const parent = join(directory, '..');
  if (existsSync(join(parent, 'cgroup.subtree_control'))) {
    for (const controller of ['memory', 'cpu']) write(parent, '?cgroup.subtree_control', `+${controller}`);
  }
  mkdirSync(directory);
  for (const [file, text] of Object.entries(settings)) write(directory, file, text);
}

function write(directory: string, file: string, text: string): void {
  const optional = file.startsWith('?');
  try {
    writeFileSync(join(directory, optional ? file.slice(1) : file), text);
  } catch (error) {
    if (!optional) throw error;
  }
}

/** Busy for a moment after its last process; the main process removes what is left at the end. */
function removeGroup(directory: string): void {
  try {
    rmdirSync(directory);
  } catch (error) {
    if (errnoOf(error) !== 'EBUSY' && errnoOf(error) !== 'ENOENT') throw error;
  }
}

function oomCount(groups: readonly Group[]): number {
  let count = 0;
  for (const { directory } of groups) {
    const text = readHostFile(join(directory, 'memory.events')) ?? readHostFile(join(directory, 'memory.oom_control')) ?? '';
    count += Number(/^oom_kill (\d+)$/m.exec(text)?.[1] ?? 0);
  }
  return count;
}
