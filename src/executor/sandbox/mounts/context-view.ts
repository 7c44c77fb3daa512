// A directory of this machine as steps may see it (C-10, H-08): without what .dockerignore leaves out,
// everything owned by 0:0, the top 0755. Nothing is copied where that can be avoided: whiteouts hide,
// and a metadata-only overlay carries the owners of those entries that have another one.
import { chmodSync, closeSync, lchownSync, lstatSync, mkdirSync, readlinkSync, rmSync, type Stats } from 'node:fs';
import { join } from 'node:path';
import { TsbuildError } from '../../../core/errors.ts';
import { fsPath } from '../../../core/path-bytes.ts';
import { copyTree } from '../../chroot/build-tree.ts';
import { copiedSource } from '../../chroot/copied-source.ts';
import type { MountSource, RunRequest } from '../../executor.ts';
import { listNames } from '../../layer/lower-stack.ts';
import { checkedId, copyDirectoryAttributes } from '../snapshot-directory.ts';
import type { StepScope } from '../step-scope.ts';
import { findExcluded } from './excluded-view.ts';
import { type Stub, writeStubLayer } from './stub-layer.ts';

export type DirectorySource = Extract<MountSource, { type: 'directory' }>;

export interface ShownTree {
  /** Absolute. */
  readonly path: string;
  /** Belongs to the step: what is written there is lost and harms nobody. */
  readonly throwAway: boolean;
}

/** An entry that is not 0:0. */
interface ForeignEntry {
  /** With a leading slash. */
  readonly path: string;
  readonly stats: Stats;
}

const ROOT_MODE = 0o755;

/** Only owners at and below `path` are looked at. Throws 'context/bad-pattern'. */
export function showContext(scope: StepScope, request: RunRequest, source: DirectorySource, path: string): ShownTree {
  const excluded = findExcluded(source.path, source.excludes ?? []);
  const start = realSubPath(scope, source.path, path);
  const foreign = start === null ? [] : findForeign(source.path, start, new Set(excluded));
  const plainTop = start !== '' || isPlainTop(lstatSync(fsPath(source.path)));
  const untouched = foreign.length === 0 && plainTop;
  if (untouched && excluded.length === 0) return { path: source.path, throwAway: false };
  try {
    const lowers = mountLowers(scope, source.path, excluded);
    if (untouched) return { path: scope.mountTree({ lowers }).path, throwAway: false };
    return { path: mountOwned(scope, request, source.path, lowers, foreign), throwAway: true };
  } catch (error) {
    if (!(error instanceof TsbuildError) || error.code !== 'exec/no-overlay') throw error;
    return { path: copiedSource(scope, request, source), throwAway: true };
  }
}

/** Where `path` leads inside `root`, `''` for the root itself; null when it cannot be opened, which is reported later. */
function realSubPath(scope: StepScope, root: string, path: string): string | null {
  const fds: number[] = [];
  try {
    for (const name of ['.', path === '' ? '.' : path]) fds.push(scope.host.calls.openBeneath(root, name));
    const [top = '', at = ''] = fds.map((fd) => readlinkSync(`/proc/self/fd/${fd}`));
    return at === top ? '' : at.slice(top === '/' ? 0 : top.length);
  } catch {
    return null;
  } finally {
    for (const fd of fds) closeSync(fd);
  }
}

const isForeign = (stats: Stats): boolean => stats.uid !== 0 || stats.gid !== 0;
const isPlainTop = (stats: Stats): boolean => !isForeign(stats) && (stats.mode & 0o7777) === ROOT_MODE;

/** Parents first; without the root, which is always made anew. */
function findForeign(root: string, start: string, excluded: ReadonlySet<string>): ForeignEntry[] {
  const found: ForeignEntry[] = [];
  const visit = (path: string): void => {
    if (excluded.has(path)) return;
    const stats = lstatSync(fsPath(root + path), { throwIfNoEntry: false });
    if (stats === undefined) return;
    if (path !== '' && isForeign(stats)) found.push({ path, stats });
    if (stats.isDirectory()) for (const name of listNames(root + path)) visit(`${path}/${name}`);
  };
  visit(start);
  return found;
}

/** Topmost first: whiteouts of what is excluded, then the directory. */
function mountLowers(scope: StepScope, directory: string, excluded: readonly string[]): string[] {
  const fd = scope.host.calls.openBeneath(directory, '.');
  const tree = (() => {
    try {
      return scope.mountDescriptor(fd);
    } finally {
      closeSync(fd);
    }
  })();
  if (excluded.length === 0) return [tree.relative];
  const name = `excluded-${scope.nextIndex()}`;
  const layer = join(scope.files, name);
  mkdirSync(layer);
  const stubs: Stub[] = excluded.map((path) => ({ path, kind: 'whiteout' }));
  writeStubLayer(scope.host.fileCalls, layer, stubs, (path) => (path === '/' ? tree.path : tree.path + path));
  return [`${scope.filesRelative}/${name}`, tree.relative];
}

function mountOwned(
  scope: StepScope,
  request: RunRequest,
  root: string,
  lowers: readonly string[],
  foreign: readonly ForeignEntry[],
): string {
  const { host } = scope;
  const base = `${checkedId(request.snapshot)}/own-${scope.nextIndex()}`;
  scope.defer(() => rmSync(base, { recursive: true, force: true }));
  const writable = { upper: `${base}/fs`, work: `${base}/work` };
  mkdirSync(writable.upper, { recursive: true });
  mkdirSync(writable.work);
  const finishTop = (): void => {
    copyDirectoryAttributes(host.fileCalls, root, writable.upper, { uid: 0, gid: 0 });
    chmodSync(writable.upper, ROOT_MODE);
  };
  finishTop();
  if (host.trees === 'overlay' && !host.rootless) {
    const path = tryMetadataOnly(scope, { lowers, writable });
    if (path !== null) {
      for (const entry of foreign) giveToRoot(path + entry.path, entry.stats);
      return path;
    }
  }
  copyForeign(scope, root, writable.upper, foreign);
  finishTop();
  return scope.mountTree({ lowers, writable }).path;
}

/** Null where the kernel has no metadata-only copies. */
function tryMetadataOnly(scope: StepScope, request: Parameters<StepScope['mountTree']>[0]): string | null {
  try {
    return scope.mountTree({ ...request, metacopy: true }).path;
  } catch (error) {
    if (error instanceof TsbuildError && error.code === 'exec/no-overlay') return null;
    throw error;
  }
}

/** A change of owner clears setuid bits; time and content stay. */
function giveToRoot(path: string, stats: Stats): void {
  lchownSync(fsPath(path), 0, 0);
  if (stats.isFile() && (stats.mode & 0o6000) !== 0) chmodSync(fsPath(path), stats.mode & 0o7777);
}

/** Where metadata alone cannot be copied, in a user namespace for one: the entries themselves, in the upper directory. */
function copyForeign(scope: StepScope, root: string, upper: string, foreign: readonly ForeignEntry[]): void {
  const { fileCalls } = scope.host;
  const made = new Set<string>(['']);
  const ensureDirectory = (path: string): void => {
    if (made.has(path)) return;
    ensureDirectory(path.slice(0, path.lastIndexOf('/')));
    mkdirSync(fsPath(upper + path));
    made.add(path);
  };
  for (const { path, stats } of foreign) {
    ensureDirectory(stats.isDirectory() ? path : path.slice(0, path.lastIndexOf('/')));
    if (!stats.isDirectory()) copyReadable(scope, root + path, upper + path);
  }
  for (const path of [...made].reverse())
    if (path !== '') copyDirectoryAttributes(fileCalls, root + path, upper + path, { uid: 0, gid: 0 });
}

/** What the caller may not read, the step may not either: it stays as it is. */
function copyReadable(scope: StepScope, from: string, to: string): void {
  try {
    copyTree(scope.host.fileCalls, from, to, 'root');
  } catch {
    rmSync(fsPath(to), { force: true });
  }
}
