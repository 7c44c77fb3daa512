// How a snapshot directory says "deleted" and "nothing from below": the on-disk form of overlayfs upper
// directories (kernel documentation filesystems/overlayfs.rst, "whiteouts and opaque directories"). A
// store that is itself on an overlay cannot hold such whiteouts; there an attribute marks an empty file.
import { closeSync, openSync, type Stats } from 'node:fs';
import { errnoOf } from '../../core/errors.ts';
import { fsPath } from '../../core/path-bytes.ts';
import { type FileCalls, S_IFCHR } from '../syscalls.ts';

/** Which attribute namespace the overlay mounts use: `user` with the mount option userxattr (rootless), else `trusted`. */
export type OverlayXattrs = 'trusted' | 'user';

/** Owner of a file that could not be chowned, `uid:gid`; where only one uid is mapped. */
export const OWNER_XATTR = 'user.tsbuild.owner';

export const opaqueXattr = (kind: OverlayXattrs): string => `${kind}.overlay.opaque`;

/** On an empty file without permissions: a whiteout where the device cannot be made. */
const WHITEOUT_XATTR = 'user.tsbuild.whiteout';

/** A character device with number 0/0, or the marked file that stands in for it. */
export function isWhiteout(stats: Stats, hostPath: string, calls: FileCalls): boolean {
  if (stats.isCharacterDevice()) return stats.rdev === 0;
  return stats.size === 0 && stats.isFile() && (stats.mode & 0o7777) === 0 && calls.getXattr(hostPath, WHITEOUT_XATTR) === 'y';
}

/** `path` does not exist. */
export function makeWhiteout(calls: FileCalls, path: string): void {
  try {
    calls.makeNode(path, S_IFCHR, 0, 0);
  } catch (error) {
    if (errnoOf(error) !== 'EPERM') throw error;
    closeSync(openSync(fsPath(path), 'wx', 0));
    calls.setXattr(path, WHITEOUT_XATTR, 'y');
  }
}

/** True when nothing from below shows in the directory. */
export function isOpaque(calls: FileCalls, directory: string, kind: OverlayXattrs): boolean {
  return calls.getXattr(directory, opaqueXattr(kind)) === 'y';
}

/** Attributes that belong to overlayfs or to tsbuild: never taken from an archive, never put into one. */
export const isPrivateXattr = (name: string): boolean => /^(?:trusted|user)\.overlay\.|^user\.tsbuild\./.test(name);
