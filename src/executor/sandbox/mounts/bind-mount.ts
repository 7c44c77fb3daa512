// --mount=type=bind: a sub-path of other layers or of a host directory, read-only or as a throw-away
// writable copy (M-20…M-22). The sub-path is opened with openat2 below its root and mounted by
// descriptor, so neither links in the tree nor a concurrent rename can lead elsewhere.
import { chmodSync, chownSync, closeSync, copyFileSync, fstatSync, mkdirSync, rmSync, type Stats } from 'node:fs';
import { errnoOf, invariant, TsbuildError } from '../../../core/errors.ts';
import type { Mount } from '../../../graph/op.ts';
import { copiedSource } from '../../chroot/copied-source.ts';
import type { MountSource, RunRequest } from '../../executor.ts';
import { checkedId, copyDirectoryAttributes, lowersOf } from '../snapshot-directory.ts';
import type { StepScope } from '../step-scope.ts';
import { type ShownTree, showContext } from './context-view.ts';
import type { MountContent } from './mount-content.ts';

type BindMount = Extract<Mount, { type: 'bind' }>;

const READ_ONLY = ['rbind', 'ro'];
const WRITABLE = ['rbind', 'rw'];

export function prepareBind(scope: StepScope, request: RunRequest, mount: BindMount): MountContent {
  const source = request.sources[mount.input];
  invariant(source !== undefined, `bind mount at ${mount.target} has no source`);
  const root = sourceRoot(scope, request, source, mount.source);
  const fd = openSource(scope, root.path, mount.source, mount.target);
  try {
    const stat = fstatSync(fd);
    const kind = stat.isDirectory() ? 'dir' : 'file';
    const tree = scope.mountDescriptor(fd, kind);
    if (!mount.readonly && root.throwAway && kind === 'dir') return { kind, hostPath: tree.path, options: WRITABLE, growable: true };
    if (mount.readonly) return { kind, hostPath: tree.path, options: READ_ONLY, growable: false };
    const copy = `${checkedId(request.snapshot)}/rw-${scope.nextIndex()}`;
    mkdirSync(copy, { recursive: true });
    scope.defer(() => rmSync(copy, { recursive: true, force: true }));
    if (kind === 'dir') return writableDirectory(scope, tree, copy);
    return writableFile(scope, fd, stat, copy);
  } finally {
    closeSync(fd);
  }
}

/** A tree that holds the source; owners matter at and below `path` only. */
export function sourceRoot(scope: StepScope, request: RunRequest, source: MountSource, path: string): ShownTree {
  if (scope.host.config.isolation === 'chroot') return { path: copiedSource(scope, request, source), throwAway: true };
  if (source.type === 'directory') return showContext(scope, request, source, path);
  return { path: scope.mountTree({ lowers: lowersOf(source.stack) }).path, throwAway: false };
}

/** Error: 'exec/mount-source'. */
export function openSource(scope: StepScope, root: string, path: string, target: string): number {
  try {
    return scope.host.calls.openBeneath(root, path === '' ? '.' : path);
  } catch (error) {
    const errno = errnoOf(error);
    if (errno === 'ENOSYS') throw error;
    throw new TsbuildError({
      code: 'exec/mount-source',
      message: `mount at ${target}: source ${path === '' ? '/' : path} ${errno === 'ENOENT' || errno === 'ENOTDIR' ? 'not found' : `cannot be opened (${errno})`}`,
      hint: 'The path is looked up inside the stage, image or context that the mount reads from.',
      cause: error,
    });
  }
}

function writableDirectory(scope: StepScope, tree: { readonly path: string; readonly relative: string }, copy: string): MountContent {
  const writable = { upper: `${copy}/fs`, work: `${copy}/work` };
  mkdirSync(writable.upper);
  mkdirSync(writable.work);
  copyDirectoryAttributes(scope.host.fileCalls, tree.path, writable.upper);
  return { kind: 'dir', hostPath: scope.mountTree({ lowers: [tree.relative], writable }).path, options: WRITABLE, growable: true };
}

function writableFile(scope: StepScope, fd: number, stat: Stats, copy: string): MountContent {
  const file = `${copy}/file`;
  copyFileSync(`/proc/self/fd/${fd}`, file);
  chownSync(file, stat.uid, stat.gid);
  chmodSync(file, stat.mode & 0o7777);
  return { kind: 'file', hostPath: scope.snapshotPath(file), options: WRITABLE, growable: false };
}
