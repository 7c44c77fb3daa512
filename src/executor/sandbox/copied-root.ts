// The root file system of a step where overlays are refused but namespaces are not: a plain copy of the
// tree, and afterwards what the step changed in it, in the form an overlay would have left.
import { randomBytes } from 'node:crypto';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { TsbuildError } from '../../core/errors.ts';
import { buildTree, statOrNull } from '../chroot/build-tree.ts';
import { TreeChanges } from '../chroot/tree-changes.ts';
import type { RunRequest } from '../executor.ts';
import { MNT_DETACH } from '../namespace-calls.ts';
import { mountOverlay } from './overlay.ts';
import { createUpper, treeOf } from './snapshot-directory.ts';
import type { StepHost } from './step-host.ts';
import type { StepScope } from './step-scope.ts';

/** Whether steps of this executor can write to overlays in the store: tries it, a deletion included. */
export function overlayWorks(host: StepHost): boolean {
  // In the store, which other executors use too: every one of them is process 1 of its own namespace.
  const base = `probe-${randomBytes(8).toString('hex')}`;
  const target = join(host.workplace.run, base);
  const name = (part: string): string => `${base}/${part}`;
  for (const part of ['lower', 'upper', 'work']) mkdirSync(name(part), { recursive: true });
  mkdirSync(target);
  writeFileSync(name('lower/gone'), '');
  try {
    const writable = { upper: name('upper'), work: name('work') };
    mountOverlay(host.calls, { lowers: [name('lower')], writable, target, userxattr: host.rootless });
    try {
      rmSync(join(target, 'gone'));
      mkdirSync(join(target, 'gone'));
      return true;
    } finally {
      host.calls.unmount(target, MNT_DETACH);
    }
  } catch (error) {
    if (error instanceof TsbuildError && error.code !== 'exec/no-overlay') throw error;
    return false;
  } finally {
    rmSync(base, { recursive: true, force: true });
    rmSync(target, { recursive: true, force: true });
  }
}

/**
 * Makes `tree`, a copy that belongs to the step, its root, and collects the changes when the step's
 * scope ends. `stubs`: a layer of mount points the image lacks; `missing`: directories that stay in the
 * layer because the image lacks them.
 */
export function useCopy(scope: StepScope, request: RunRequest, tree: string, stubs: string | null, missing: readonly string[]): string {
  const { fileCalls, xattrs } = scope.host;
  for (const path of missing) mkdirSync(join(tree, path), { mode: 0o755 });
  if (stubs !== null) buildTree(fileCalls, [stubs], tree, xattrs);
  const changes = new TreeChanges(fileCalls, tree);
  scope.defer(() => {
    createUpper(request.snapshot);
    collectChanges(changes, scope.snapshotPath(treeOf(request.snapshot)), missing);
  });
  return tree;
}

/** `upper` is empty. */
export function collectChanges(changes: TreeChanges, upper: string, missing: readonly string[]): void {
  changes.collect(upper);
  for (const path of missing) if (statOrNull(upper + path) === null) mkdirSync(upper + path, { mode: 0o755 });
}
