// How a snapshot directory says "deleted" and "nothing from below": the on-disk form of overlayfs upper
// directories. Kernel documentation filesystems/overlayfs.rst, "whiteouts and opaque directories".
import type { Stats } from 'node:fs';
import type { FileCalls } from '../syscalls.ts';

/** Which attribute namespace the overlay mounts use: `user` with the mount option userxattr (rootless), else `trusted`. */
export type OverlayXattrs = 'trusted' | 'user';

/** Owner of a file that could not be chowned, `uid:gid`; where only one uid is mapped. */
export const OWNER_XATTR = 'user.tsbuild.owner';

export const opaqueXattr = (kind: OverlayXattrs): string => `${kind}.overlay.opaque`;

/** A whiteout is a character device with number 0/0. */
export const isWhiteout = (stats: Stats): boolean => stats.rdev === 0 && stats.isCharacterDevice();

/** True when nothing from below shows in the directory. */
export function isOpaque(calls: FileCalls, directory: string, kind: OverlayXattrs): boolean {
  return calls.getXattr(directory, opaqueXattr(kind)) === 'y';
}

/** Attributes that belong to overlayfs or to tsbuild: never taken from an archive, never put into one. */
export const isPrivateXattr = (name: string): boolean => /^(?:trusted|user)\.overlay\.|^user\.tsbuild\./.test(name);
