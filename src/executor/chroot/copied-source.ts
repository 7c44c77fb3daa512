// Source of a mount where nothing can be mounted: the stack as a plain tree, or a copy of the host
// directory without what is excluded, owned by 0:0 (C-10). Made beside the step's snapshot and removed with the step.
import { chmodSync, mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fsPath } from '../../core/path-bytes.ts';
import type { MountSource, RunRequest } from '../executor.ts';
import { findExcluded } from '../sandbox/mounts/excluded-view.ts';
import { checkedId, treeOf } from '../sandbox/snapshot-directory.ts';
import type { StepScope } from '../sandbox/step-scope.ts';
import { buildTree, copyTree } from './build-tree.ts';

/** Absolute path. */
export function copiedSource(scope: StepScope, request: RunRequest, source: MountSource): string {
  const copy = scope.snapshotPath(`${checkedId(request.snapshot)}/source-${scope.nextIndex()}`);
  scope.defer(() => rmSync(copy, { recursive: true, force: true }));
  if (source.type === 'stack') {
    mkdirSync(copy, { recursive: true });
    buildTree(scope.host.fileCalls, source.stack.map(treeOf), copy, scope.host.xattrs);
  } else {
    const excluded = findExcluded(source.path, source.excludes ?? []);
    mkdirSync(join(copy, '..'), { recursive: true });
    copyTree(scope.host.fileCalls, source.path, copy, 'root');
    chmodSync(fsPath(copy), 0o755);
    for (const path of excluded) rmSync(fsPath(copy + path), { recursive: true, force: true });
  }
  return copy;
}
