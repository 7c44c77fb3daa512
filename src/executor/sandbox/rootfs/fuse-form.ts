// What a step did through fuse-overlayfs, in the form an overlay of the kernel would have left. Its own marks
// are not trusted: version 1.10 forgets a deletion when something else was at the name meanwhile. Deleted is
// what the step did not see any more at its end. Names and attributes are those of fuse-overlayfs 1.x.
import { closeSync, lstatSync, mkdirSync, openSync, rmSync, type Stats } from 'node:fs';
import { fsPath } from '../../../core/path-bytes.ts';
import { copyTree, statOrNull } from '../../chroot/build-tree.ts';
import { listNames } from '../../layer/lower-stack.ts';
import { isPrivateXattr, isWhiteout, makeWhiteout, OWNER_XATTR } from '../../layer/overlay-form.ts';
import type { FileCalls } from '../../syscalls.ts';
import { copyDirectoryAttributes } from '../snapshot-directory.ts';

const MARK = '.wh.';
const OPAQUE_MARK = '.wh..wh..opq';
/** Path of the lower file that a copy in the upper directory came from. */
const ORIGIN_XATTR = 'user.fuseoverlayfs.origin';
const isForeignXattr = (name: string): boolean =>
  /^(?:user|trusted|security)\.(?:fuseoverlayfs|containers)\./.test(name) || (isPrivateXattr(name) && name !== OWNER_XATTR);

export interface FuseChanges {
  /** Paths in the upper directory, with a leading slash. */
  readonly deleted: readonly string[];
  /** Directories with the modification time that the step saw before it copied files in them. */
  readonly times: ReadonlyMap<string, bigint>;
}

/**
 * Compares, for every directory of `upper`, what `merged` shows with what `lower` has; all three are mounted.
 * `since`: nanoseconds, before the step began. fuse-overlayfs changes the time of a directory when it copies
 * a file of it: such times go back to those of `lower` where the step made and removed nothing.
 */
export function readFuseChanges(calls: FileCalls, upper: string, merged: string, lower: string, since: bigint): FuseChanges {
  const deleted: string[] = [];
  const times = new Map<string, bigint>();
  const visit = (path: string, replaced: boolean): void => {
    const names = listNames(upper + path).filter((name) => !name.startsWith(MARK));
    const shown = new Set(listNames(merged + path));
    const below = statOrNull(lower + path)?.isDirectory() === true ? listNames(lower + path) : [];
    const gone = below.filter((name) => !shown.has(name));
    for (const name of gone) deleted.push(`${path}/${name}`);
    let changed = replaced || gone.length > 0;
    for (const name of names) {
      const child = `${path}/${name}`;
      const stat = lstatSync(fsPath(upper + child));
      if (!shown.has(name)) continue;
      const made = replaced || !isCopied(calls, upper, child, stat, statOrNull(lower + child));
      if (stat.isDirectory()) visit(child, made);
      changed ||= made;
    }
    if (changed || path === '') return;
    const { mtimeNs } = lstatSync(fsPath(upper + path), { bigint: true });
    if (mtimeNs >= since) times.set(path, lstatSync(fsPath(lower + path), { bigint: true }).mtimeNs);
  };
  visit('', false);
  return { deleted, times };
}

/** Whether an entry of the upper directory stands for the one below it, rather than for something new of its name. */
function isCopied(calls: FileCalls, upper: string, path: string, stat: Stats, below: Stats | null): boolean {
  if (below === null || (stat.mode & 0o170000) !== (below.mode & 0o170000)) return false;
  if (stat.isDirectory()) return statOrNull(`${upper}${path}/${OPAQUE_MARK}`) === null;
  return !stat.isFile() || calls.getXattr(upper + path, ORIGIN_XATTR) === path.slice(1);
}

/** Rewrites the upper directory of a mount that is gone. Times of directories stay, but for those given. */
export function toOverlayForm(calls: FileCalls, upper: string, { deleted, times }: FuseChanges): void {
  const whiteouts = new Map<string, string[]>();
  for (const path of deleted) {
    const directory = path.slice(0, path.lastIndexOf('/'));
    whiteouts.set(directory, [...(whiteouts.get(directory) ?? []), path]);
  }
  const visit = (path: string): void => {
    const { atimeNs, mtimeNs } = lstatSync(fsPath(upper + path), { bigint: true });
    for (const name of listNames(upper + path)) {
      const child = `${path}/${name}`;
      const stat = lstatSync(fsPath(upper + child));
      if (name.startsWith(MARK) || isWhiteout(stat, upper + child, calls)) rmSync(fsPath(upper + child));
      else if (stat.isDirectory()) visit(child);
      else if (stat.isFile()) removeXattrs(calls, upper + child);
    }
    for (const child of whiteouts.get(path) ?? []) {
      rmSync(fsPath(upper + child), { recursive: true, force: true });
      makeWhiteout(calls, upper + child);
    }
    removeXattrs(calls, upper + path);
    calls.setTimes(upper + path, atimeNs, times.get(path) ?? mtimeNs);
  };
  visit('');
}

function removeXattrs(calls: FileCalls, path: string): void {
  for (const name of calls.listXattrs(path)) if (isForeignXattr(name)) calls.removeXattr(path, name);
}

/**
 * Fills the empty directory `layer` with what must lie above the snapshot `tree` for fuse-overlayfs to read it.
 * It takes names of one inode for one file, and loses what is written through one when another is removed: here
 * each name is a file of its own, as the kernel shows them to a writer. A whiteout that is no device gets its name.
 */
export function writeFuseLayer(calls: FileCalls, tree: string, layer: string): void {
  const made = new Set<string>();
  const ensureDirectory = (path: string): void => {
    if (made.has(path)) return;
    if (path !== '') {
      ensureDirectory(path.slice(0, path.lastIndexOf('/')));
      mkdirSync(fsPath(layer + path));
    }
    made.add(path);
  };
  const visit = (directory: string): void => {
    for (const name of listNames(tree + directory)) {
      const path = `${directory}/${name}`;
      const stat = lstatSync(fsPath(tree + path));
      if (stat.isDirectory()) visit(path);
      else if (!stat.isCharacterDevice() && isWhiteout(stat, tree + path, calls)) {
        ensureDirectory(directory);
        closeSync(openSync(fsPath(`${layer}${directory}/${MARK}${name}`), 'wx', 0o600));
      } else if (stat.nlink > 1) {
        ensureDirectory(directory);
        copyTree(calls, tree + path, layer + path);
      }
    }
  };
  visit('');
  // Deepest first: making a child changes the parent's mtime.
  for (const path of [...made].reverse()) copyDirectoryAttributes(calls, tree + path, layer + path);
}
