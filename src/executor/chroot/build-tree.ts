// A stack of snapshots as one plain directory, for machines where nothing can be mounted: each layer
// is copied over the ones below, whiteouts and opaque directories take effect. Parents are always
// directories that were just made or seen, so no link of a layer is followed.
import {
  chmodSync,
  constants,
  copyFileSync,
  lchownSync,
  lstatSync,
  mkdirSync,
  readlinkSync,
  rmSync,
  type Stats,
  symlinkSync,
} from 'node:fs';
import { fsPath } from '../../core/path-bytes.ts';
import { listNames } from '../layer/lower-stack.ts';
import { isOpaque, isPrivateXattr, isWhiteout, type OverlayXattrs, OWNER_XATTR } from '../layer/overlay-form.ts';
import { copyDirectoryAttributes, setIfPossible } from '../sandbox/snapshot-directory.ts';
import { type FileCalls, S_IFBLK, S_IFCHR, S_IFIFO, S_IFSOCK } from '../syscalls.ts';

export const statOrNull = (path: string): Stats | null => lstatSync(fsPath(path), { throwIfNoEntry: false }) ?? null;

/** Lays `layers`, base first, over what the directory `target` holds. */
export function buildTree(calls: FileCalls, layers: readonly string[], target: string, xattrs: OverlayXattrs): void {
  for (const layer of layers) new TreeCopy(calls, 'keep', xattrs).directory(layer, target);
}

/** Copies one file or directory to a path that does not exist; times and attributes stay, and owners unless all become 0:0. */
export function copyTree(calls: FileCalls, from: string, to: string, owners: 'keep' | 'root' = 'keep'): void {
  const copy = new TreeCopy(calls, owners);
  const stat = lstatSync(fsPath(from));
  if (!stat.isDirectory()) {
    copy.file(from, to, stat);
    return;
  }
  mkdirSync(fsPath(to));
  copy.directory(from, to);
}

/** Names of one file become files: so does an overlay when one of them is changed, and layers must not differ. */
class TreeCopy {
  readonly #calls: FileCalls;
  readonly #xattrs: OverlayXattrs;
  readonly #owner: { readonly uid: number; readonly gid: number } | undefined;

  constructor(calls: FileCalls, owners: 'keep' | 'root', xattrs: OverlayXattrs = 'user') {
    this.#calls = calls;
    this.#xattrs = xattrs;
    this.#owner = owners === 'root' ? { uid: 0, gid: 0 } : undefined;
  }

  directory(from: string, to: string): void {
    for (const name of listNames(from)) {
      const source = `${from}/${name}`;
      const target = `${to}/${name}`;
      const stat = lstatSync(fsPath(source));
      const existing = statOrNull(target);
      const merge = existing?.isDirectory() === true && stat.isDirectory() && !isOpaque(this.#calls, source, this.#xattrs);
      if (existing !== null && !merge) rmSync(fsPath(target), { recursive: true, force: true });
      if (isWhiteout(stat, source, this.#calls)) continue;
      if (!stat.isDirectory()) this.file(source, target, stat);
      else {
        if (!merge) mkdirSync(fsPath(target));
        this.directory(source, target);
      }
    }
    copyDirectoryAttributes(this.#calls, from, to, this.#owner);
  }

  file(from: string, to: string, stat: Stats): void {
    this.#make(from, to, stat);
    lchownSync(fsPath(to), this.#owner?.uid ?? stat.uid, this.#owner?.gid ?? stat.gid);
    if (!stat.isSymbolicLink()) chmodSync(fsPath(to), stat.mode & 0o7777);
    for (const name of this.#calls.listXattrs(from)) {
      const value = isPrivateXattr(name) && name !== OWNER_XATTR ? null : this.#calls.getXattr(from, name);
      if (value !== null) setIfPossible(this.#calls, to, name, value);
    }
    const times = lstatSync(fsPath(from), { bigint: true });
    this.#calls.setTimes(to, times.atimeNs, times.mtimeNs);
  }

  #make(from: string, to: string, stat: Stats): void {
    if (stat.isFile()) copyFileSync(fsPath(from), fsPath(to), constants.COPYFILE_EXCL | constants.COPYFILE_FICLONE);
    else if (stat.isSymbolicLink()) symlinkSync(readlinkSync(fsPath(from), 'buffer'), fsPath(to));
    else if (stat.isFIFO()) this.#calls.makeNode(to, S_IFIFO | 0o600, 0, 0);
    // No layer holds one, but steps that follow on an overlay see what an earlier one left behind.
    else if (stat.isSocket()) this.#calls.makeNode(to, S_IFSOCK | 0o600, 0, 0);
    else if (stat.isCharacterDevice() || stat.isBlockDevice()) {
      const kind = stat.isBlockDevice() ? S_IFBLK : S_IFCHR;
      this.#calls.makeNode(to, kind | 0o600, (stat.rdev >> 8) & 0xfff, (stat.rdev & 0xff) | ((stat.rdev >> 12) & 0xfff00));
    }
  }
}
