// The root file system of a step where overlays are refused but namespaces are not: a plain copy of the
// tree, and afterwards what the step changed in it, in the form an overlay would have left.
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { buildTree, statOrNull } from '../../chroot/build-tree.ts';
import { TreeChanges } from '../../chroot/tree-changes.ts';
import type { RunRequest } from '../../executor.ts';
import { createUpper, treeOf } from '../snapshot-directory.ts';
import type { StepScope } from '../step-scope.ts';

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
