// How the layers below a step become its file system on this machine: overlays of the kernel where the file
// system of the store takes them, else those of fuse-overlayfs if the installed one gets everything right,
// else plain copies. What is chosen without being asked for makes the same layers, always.
import { randomBytes } from 'node:crypto';
import { appendFileSync, existsSync, mkdirSync, renameSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { TsbuildError } from '../../../core/errors.ts';
import type { Trees } from '../../launch.ts';
import { MNT_DETACH } from '../../namespace-calls.ts';
import type { StepHost } from '../step-host.ts';
import { mountFuse, unmountFuse, whyNoFuse } from './fuse-overlay.ts';
import { mountOverlay, type OverlayMount } from './overlay.ts';

type Stack = Pick<OverlayMount, 'lowers' | 'writable' | 'target'>;

const REFUSED = 'overlay mounts are refused on the file system of the store: ';
const FUSE = `${REFUSED}steps use fuse-overlayfs, which is slower; \`tsbuild doctor\` says how to improve it`;
const COPIES = `${REFUSED}every step works on a copy of its file system, which is slower; \`tsbuild doctor\` says how to improve it`;

/** Tells the user when it is not the best. Error: 'exec/no-overlay' when fuse-overlayfs was asked for and does not work at all. */
export function chooseTrees(host: StepHost): Trees {
  const wanted = host.config.trees;
  if (wanted === 'copy') return 'copy';
  if (wanted === 'auto' && overlayWorks(host)) return 'overlay';
  if (wanted === 'auto') {
    const fuse = whyNoFuse() === null && tryFuse(host, isExact);
    host.noticeOnce(fuse ? FUSE : COPIES);
    return fuse ? 'fuse' : 'copy';
  }
  const problem = whyNoFuse() ?? (tryFuse(host, canDelete) ? null : 'it mounts nothing on the file system of the store');
  if (problem === null) return 'fuse';
  throw new TsbuildError({
    code: 'exec/no-overlay',
    message: `fuse-overlayfs cannot be used: ${problem}`,
    hint: 'Install it with `apt-get install fuse-overlayfs` and open /dev/fuse (`modprobe fuse`, `chmod 666 /dev/fuse`), or use --isolation=copy.',
  });
}

/** A file, and a directory with a file, both below. */
const LOWER = ['gone', 'old/inner'];

/** A deletion, and a directory in its place. */
function canDelete(target: string): boolean {
  rmSync(join(target, 'gone'));
  mkdirSync(join(target, 'gone'));
  return true;
}

/**
 * Version 1.10 of fuse-overlayfs shows a deleted directory again when another one that took its name is
 * renamed, and changes the time of a directory when the first change to a file copies it.
 */
function isExact(target: string): boolean {
  const old = join(target, 'old');
  utimesSync(old, 5, 5);
  appendFileSync(join(old, 'inner'), 'more');
  if (statSync(old).mtimeMs !== 5_000) return false;
  rmSync(old, { recursive: true });
  mkdirSync(old);
  renameSync(old, join(target, 'new'));
  return canDelete(target) && !existsSync(old);
}

const overlayWorks = (host: StepHost): boolean =>
  tryMount(
    host,
    (stack) => mountOverlay(host.calls, { ...stack, userxattr: host.rootless }),
    (target) => host.calls.unmount(target, MNT_DETACH),
    canDelete,
  );

const tryFuse = (host: StepHost, test: (target: string) => boolean): boolean =>
  tryMount(
    host,
    (stack) => mountFuse(host, stack),
    (target) => unmountFuse(host, target),
    test,
  );

/** Mounts in the store as steps do, and tests what it gets. */
function tryMount(
  host: StepHost,
  mount: (stack: Stack) => void,
  unmount: (target: string) => void,
  test: (target: string) => boolean,
): boolean {
  // In the store, which other executors use too: every one of them is process 1 of its own namespace.
  const base = `probe-${randomBytes(8).toString('hex')}`;
  const target = join(host.workplace.run, base);
  const name = (part: string): string => `${base}/${part}`;
  for (const part of ['lower', 'upper', 'work']) mkdirSync(name(part), { recursive: true });
  mkdirSync(target);
  mkdirSync(name('lower/old'));
  for (const file of LOWER) writeFileSync(name(`lower/${file}`), '');
  try {
    mount({ lowers: [name('lower')], writable: { upper: name('upper'), work: name('work') }, target });
    try {
      return test(target);
    } finally {
      unmount(target);
    }
  } catch (error) {
    if (error instanceof TsbuildError && error.code !== 'exec/no-overlay') throw error;
    return false;
  } finally {
    rmSync(base, { recursive: true, force: true });
    rmSync(target, { recursive: true, force: true });
  }
}
