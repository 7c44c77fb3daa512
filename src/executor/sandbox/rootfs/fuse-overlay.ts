// Overlays by the program fuse-overlayfs, for machines whose kernel refuses its own: faster than copies of
// whole trees. The program runs in the executor's namespaces and ends with its mount, or with them.
import { type ChildProcess, spawn } from 'node:child_process';
import { accessSync, constants, mkdirSync, readdirSync, renameSync, rmSync, statfsSync } from 'node:fs';
import { errnoOf, TsbuildError } from '../../../core/errors.ts';
import { toolPath } from '../../launch.ts';
import { MNT_DETACH } from '../../namespace-calls.ts';
import { findProgram } from '../find-program.ts';
import { readHostFile } from '../host-file.ts';
import type { StepHost } from '../step-host.ts';
import { writeFuseLayer } from './fuse-form.ts';
import type { OverlayMount } from './overlay.ts';

const FUSE_MAGIC = 0x65735546;
const START_TIMEOUT = 5_000;
const UNMOUNT_TRIES = 50;
/** Marks of fuse-overlayfs, beside the tree of a snapshot. */
const BESIDE = 'fuse';

/** Why fuse-overlayfs cannot be used, without trying it; null when it may work. */
export function whyNoFuse(): string | null {
  if (findProgram('fuse-overlayfs') === null) return 'fuse-overlayfs is not installed';
  try {
    accessSync('/dev/fuse', constants.R_OK | constants.W_OK);
    return null;
  } catch (error) {
    return errnoOf(error) === 'ENOENT' ? '/dev/fuse is missing' : '/dev/fuse is closed to this user';
  }
}

/** Returns once the tree is there. Lowers that are snapshots get what fuse-overlayfs needs above them. Error: 'exec/no-overlay'. */
export function mountFuse(host: StepHost, { lowers, writable, target }: Pick<OverlayMount, 'lowers' | 'writable' | 'target'>): void {
  const program = findProgram('fuse-overlayfs') ?? 'fuse-overlayfs';
  const layers = lowers.flatMap((lower) => [...besideOf(host, lower), lower]);
  const upper = writable === undefined ? '' : `,upperdir=${writable.upper},workdir=${writable.work},volatile`;
  const args = ['-f', '-o', `lowerdir=${layers.join(':')}${upper}`, target];
  const child = spawn(program, args, { stdio: 'ignore', env: { PATH: toolPath() } });
  child.on('error', () => undefined);
  for (const deadline = Date.now() + START_TIMEOUT; !isFuse(target); sleep()) {
    if (!hasEnded(child) && Date.now() < deadline) continue;
    child.kill('SIGKILL');
    throw new TsbuildError({
      code: 'exec/no-overlay',
      message: 'fuse-overlayfs could not mount the file system of a step',
      hint: 'Run `tsbuild doctor`; --isolation=copy works without overlays.',
    });
  }
}

/** Everything written reaches the upper directory before this returns, unless something still uses the tree. */
export function unmountFuse(host: StepHost, target: string): void {
  for (let tries = 0; tries < UNMOUNT_TRIES; tries += 1) {
    try {
      host.calls.unmount(target, 0);
      return;
    } catch (error) {
      if (errnoOf(error) !== 'EBUSY') throw error;
      sleep();
    }
  }
  host.calls.unmount(target, MNT_DETACH);
}

const isFuse = (path: string): boolean => statfsSync(path).type === FUSE_MAGIC;

/** The event loop stands still here, so Node has not heard of it. */
const hasEnded = ({ pid }: ChildProcess): boolean => pid === undefined || /\) [ZX]/.test(readHostFile(`/proc/${pid}/stat`) ?? ') X');

/** Mounting takes a few milliseconds, and what needs the tree cannot go on anyway. */
const sleep = (): void => {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1);
};

/** Directory with what belongs above a snapshot, made once for each; [] when that is nothing. */
function besideOf(host: StepHost, lower: string): readonly string[] {
  const [, snapshot] = /^([^/.][^/]*)\/fs$/.exec(lower) ?? [];
  if (snapshot === undefined) return [];
  const beside = `${snapshot}/${BESIDE}`;
  const known = listOrNull(beside) ?? makeBeside(host, lower, beside);
  return known.length === 0 ? [] : [beside];
}

function makeBeside(host: StepHost, tree: string, beside: string): readonly string[] {
  const making = `${beside}-${host.nextName()}-${process.hrtime.bigint()}`;
  mkdirSync(making);
  writeFuseLayer(host.fileCalls, tree, making);
  try {
    renameSync(making, beside);
  } catch (error) {
    const errno = errnoOf(error);
    if (errno !== 'ENOTEMPTY' && errno !== 'EEXIST') throw error;
    // Another executor was faster.
    rmSync(making, { recursive: true, force: true });
  }
  return listOrNull(beside) ?? [];
}

function listOrNull(path: string): readonly string[] | null {
  try {
    return readdirSync(path);
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return null;
    throw error;
  }
}
