// Mounting overlays. Features that would hide changes from the layer diff (redirects, metadata-only
// copies, index) are off. Names are relative to snapshots-v1: they hold no character with a meaning
// in mount options and 500 of them fit into the kernel's one page.
import { errnoOf, TsbuildError } from '../../../core/errors.ts';
import type { NamespaceCalls } from '../../namespace-calls.ts';

export interface OverlayMount {
  /** Topmost first; at least one. */
  readonly lowers: readonly string[];
  /** Absent for a read-only overlay (needs two lowers). */
  readonly writable?: { readonly upper: string; readonly work: string };
  readonly target: string;
  /** Whiteouts and opaque marks are user.overlay.* instead of trusted.overlay.*. */
  readonly userxattr: boolean;
  /** Copies metadata up without the content, for owners of a throw-away tree. Needs an upper, and root. */
  readonly metacopy?: boolean;
}

const PAGE = 4096;
const PLAIN = ',redirect_dir=off,metacopy=off,index=off';

/** Throws 'exec/no-overlay' when the kernel or the file system refuses, 'exec/too-many-layers' beyond 500 layers. */
export function mountOverlay(calls: NamespaceCalls, mount: OverlayMount): void {
  const lower = `lowerdir=${mount.lowers.join(':')}`;
  const features = mount.userxattr ? ',userxattr' : mount.metacopy === true ? ',metacopy=on,index=off' : PLAIN;
  const upper = mount.writable === undefined ? '' : `,upperdir=${mount.writable.upper},workdir=${mount.writable.work}`;
  const options = `${lower}${upper}${features}`;
  if (options.length + ',volatile'.length >= PAGE) {
    throw new TsbuildError({
      code: 'exec/too-many-layers',
      message: `a file system of ${mount.lowers.length} layers cannot be mounted`,
      hint: 'Join RUN and COPY instructions, or copy the result into a new stage.',
    });
  }
  // volatile: no sync of the whole file system when a step ends. Linux 5.10 and later know it.
  const attempts = mount.writable === undefined ? [options] : [`${options},volatile`, options];
  let failure: unknown;
  for (const data of attempts) {
    try {
      calls.mount('overlay', mount.target, 'overlay', 0, data);
      return;
    } catch (error) {
      failure = error;
      if (errnoOf(error) !== 'EINVAL') break;
    }
  }
  throw new TsbuildError({
    code: 'exec/no-overlay',
    message: `the kernel refused an overlay mount for a step (${errnoOf(failure) ?? String(failure)})`,
    hint: 'Put the store on a file system that can be an overlay upper (ext4, xfs with ftype=1, btrfs, tmpfs) with --root; rootless needs Linux 5.11 or later.',
    cause: failure,
  });
}
