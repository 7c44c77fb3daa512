// Puts the mounts of a step in place: prepares the content of each (bind-mount.ts, cache-mount.ts,
// secret-mount.ts, ssh-mount.ts), resolves the target as the step will see it, and finds out which
// mount points are missing and in which tree they have to be stubbed.
import { existsSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { TsbuildError } from '../../../core/errors.ts';
import { comparePaths, fsPath } from '../../../core/path-bytes.ts';
import type { Mount } from '../../../graph/op.ts';
import type { RunRequest } from '../../executor.ts';
import type { OciMount } from '../bundle.ts';
import type { ContainerView } from '../container-view.ts';
import type { StepScope } from '../step-scope.ts';
import { prepareBind } from './bind-mount.ts';
import { prepareCache } from './cache-mount.ts';
import { prepareHostBind } from './host-bind.ts';
import { BIND_FILE_OPTIONS, type MountContent, type ProvidedFile } from './mount-content.ts';
import { prepareInline, prepareSecret } from './secret-mount.ts';
import { prepareSsh } from './ssh-mount.ts';
import { type Stub, writeStubLayer } from './stub-layer.ts';

export interface PreparedMounts {
  /** In the order of mounting. */
  readonly mounts: readonly OciMount[];
  /** Mount points the root file system lacks. */
  readonly stubs: readonly Stub[];
}

interface Placed {
  readonly target: string;
  readonly content: MountContent;
  readonly nested: Stub[];
}

export async function prepareMounts(
  scope: StepScope,
  view: ContainerView,
  request: RunRequest,
  provided: readonly ProvidedFile[],
  signal: AbortSignal,
): Promise<PreparedMounts> {
  const placed: Placed[] = [];
  const stubs: Stub[] = [];
  for (const file of provided) {
    place(view, placed, stubs, file.target, { kind: 'file', hostPath: file.hostPath, options: BIND_FILE_OPTIONS, growable: false });
  }
  for (const bind of (request.hostBinds ?? []).toSorted((a, b) => comparePaths(a.target, b.target))) {
    place(view, placed, stubs, bind.target, prepareHostBind(scope, bind));
  }
  for (const mount of request.op.mounts.toSorted((a, b) => comparePaths(targetOf(a) ?? '', targetOf(b) ?? ''))) {
    const target = targetOf(mount);
    if (target === null) continue;
    const content = await prepare(scope, request, mount, signal);
    if (content !== null) place(view, placed, stubs, target, content);
  }
  return { mounts: placed.map((entry, index) => ociMount(scope, entry, index)), stubs };
}

const targetOf = (mount: Mount): string | null => (mount.type === 'secret' ? (mount.target ?? null) : mount.target);

function prepare(
  scope: StepScope,
  request: RunRequest,
  mount: Mount,
  signal: AbortSignal,
): Promise<MountContent | null> | MountContent | null {
  switch (mount.type) {
    case 'bind':
      return prepareBind(scope, request, mount);
    case 'cache':
      return prepareCache(scope, request, mount, signal);
    case 'tmpfs': {
      const size = mount.size === undefined ? [] : [`size=${mount.size}`];
      return { kind: 'dir', hostPath: null, options: ['nosuid', ...size], growable: true };
    }
    case 'secret':
      return prepareSecret(scope, request, mount);
    case 'ssh':
      return prepareSsh(scope, request, mount);
    case 'inline':
      return prepareInline(scope, mount.content);
  }
}

/** Errors: 'exec/mount-target'. */
function place(view: ContainerView, placed: Placed[], stubs: Stub[], target: string, content: MountContent): void {
  const { path, stat } = view.resolve(target);
  const refuse = (why: string): never => {
    throw new TsbuildError({
      code: 'exec/mount-target',
      message: `cannot mount at ${target}: ${why}`,
      hint: 'Choose another target for the mount.',
    });
  };
  if (path === '/') refuse('it is the root of the file system');
  if (path === '/proc' || path.startsWith('/proc/')) refuse('it leads into /proc');
  if (stat === null) {
    const owner = view.mountOf(path);
    const stub: Stub = { path: owner.target === '/' ? path : path.slice(owner.target.length), kind: content.kind };
    const below = placed.findLast((entry) => entry.target === owner.target);
    if (owner.target === '/') stubs.push(stub);
    else if (view.lstatRoot(owner.target) === null && below === undefined) stubs.push({ path: owner.target, kind: 'dir' });
    else if (below !== undefined && !below.content.growable) {
      if (below.content.kind === 'file') refuse(`${owner.target} is a file`);
      below.nested.push(stub);
    }
    checkParents(view, path, refuse);
  } else if (stat.isDirectory() !== (content.kind === 'dir')) {
    refuse(stat.isDirectory() ? 'a directory is in the place of the file' : 'something that is no directory is in its place');
  }
  view.addMount(path, content.hostPath);
  placed.push({ target: path, content, nested: [] });
}

function checkParents(view: ContainerView, path: string, refuse: (why: string) => never): void {
  for (let at = path.lastIndexOf('/'); at > 0; at = path.lastIndexOf('/', at - 1)) {
    const parent = path.slice(0, at);
    const stat = view.lstat(parent);
    if (stat === null) continue;
    if (!stat.isDirectory()) refuse(`${parent} is not a directory`);
    return;
  }
}

function ociMount(scope: StepScope, entry: Placed, index: number): OciMount {
  const { content, target } = entry;
  if (content.hostPath === null) return { destination: target, type: 'tmpfs', source: 'tmpfs', options: content.options };
  const source = entry.nested.length === 0 ? content.hostPath : withStubs(scope, content.hostPath, entry.nested, index);
  return { destination: target, type: 'bind', source, options: content.options };
}

/** A read-only tree that lacks mount points of nested mounts is shown through an overlay that has them. */
function withStubs(scope: StepScope, tree: string, stubs: readonly Stub[], index: number): string {
  const name = `stubs-${index}`;
  mkdirSync(join(scope.files, name));
  writeStubLayer(scope.host.fileCalls, join(scope.files, name), stubs, (path) => (existsSync(fsPath(tree + path)) ? tree + path : null));
  return scope.mountTree({ lowers: [`${scope.filesRelative}/${name}`, scope.relativeOf(tree)] }).path;
}
