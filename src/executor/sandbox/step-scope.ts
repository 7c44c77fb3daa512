// Private places of one step and their end. Mount points and plain files are kept in different
// trees: plain files are removed recursively, mount points only with rmdir, so that a mount that
// would not go away can never be emptied by the clean-up.
import { mkdirSync, rmdirSync, rmSync, unlinkSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { SNAPSHOTS_DIR } from '../../cache/store-layout.ts';
import { buildTree } from '../chroot/build-tree.ts';
import type { SnapshotId } from '../executor.ts';
import { MNT_DETACH, MS_BIND, MS_REC } from '../namespace-calls.ts';
import { mountFuse, unmountFuse } from './rootfs/fuse-overlay.ts';
import { mountOverlay } from './rootfs/overlay.ts';
import { checkedId } from './snapshot-directory.ts';
import type { StepHost } from './step-host.ts';

export interface TreeRequest {
  /** Topmost first, relative to snapshots-v1. */
  readonly lowers: readonly string[];
  readonly writable?: { readonly upper: string; readonly work: string };
  /** See OverlayMount. */
  readonly metacopy?: boolean;
}

export class StepScope implements AsyncDisposable {
  readonly host: StepHost;
  readonly name: string;
  /** Plain files of the step, on the private tmpfs. */
  readonly files: string;
  readonly filesRelative: string;
  /** Locked caches of the step by identity. */
  readonly caches = new Map<string, Promise<string>>();
  readonly #stack = new AsyncDisposableStack();
  readonly #base: string;
  #mounts = 0;
  #index = 0;

  /** `snapshot` names the directory of the store that takes what does not fit into memory. */
  constructor(host: StepHost, snapshot: SnapshotId) {
    const { run, runRelative } = host.workplace;
    this.host = host;
    this.#base = checkedId(snapshot);
    this.name = host.nextName();
    this.files = join(run, `step-${this.name}`);
    this.filesRelative = `${runRelative}/step-${this.name}`;
    mkdirSync(this.files, { mode: 0o700 });
    this.#stack.defer(() => rmSync(this.files, { recursive: true, force: true }));
  }

  /** Runs at the end of the step, latest first. */
  defer(body: () => void | Promise<void>): void {
    this.#stack.defer(body);
  }

  /** Number unique in this step, for names of files. */
  nextIndex(): number {
    this.#index += 1;
    return this.#index;
  }

  /** A path made by `mountTree` or `mountDescriptor` as overlay options need it. */
  relativeOf(mounted: string): string {
    return `${this.host.workplace.runRelative}/${basename(mounted)}`;
  }

  /** Absolute form of a path relative to snapshots-v1. */
  snapshotPath(relative: string): string {
    return join(this.host.config.root, SNAPSHOTS_DIR, relative);
  }

  /** Overlay of the trees, or a copy where there are no overlays; returns its absolute path and the one for lowerdir. */
  mountTree(request: TreeRequest): { readonly path: string; readonly relative: string } {
    const { trees, workplace } = this.host;
    // The kernel makes no overlay of nothing.
    if (request.lowers.length === 0 && request.writable === undefined)
      return { path: join(workplace.run, 'empty'), relative: `${workplace.runRelative}/empty` };
    if (trees === 'copy') return this.#copyTree(request);
    const lowers = [...request.lowers, `${this.host.workplace.runRelative}/empty`];
    const layers = {
      lowers: request.writable === undefined || request.lowers.length === 0 ? lowers : request.lowers,
      ...(request.writable === undefined ? {} : { writable: request.writable }),
    };
    if (trees === 'fuse') {
      return this.#mountAt('dir', (target) => mountFuse(this.host, { ...layers, target }), unmountFuse);
    }
    const features = { userxattr: this.host.rootless, metacopy: request.metacopy === true };
    return this.#mountAt('dir', (target) => mountOverlay(this.host.calls, { ...layers, ...features, target }));
  }

  #copyTree({ lowers, writable }: TreeRequest): { readonly path: string; readonly relative: string } {
    const relative = `${this.#base}/copy-${this.nextIndex()}`;
    const path = this.snapshotPath(relative);
    this.defer(() => rmSync(path, { recursive: true, force: true }));
    mkdirSync(path, { recursive: true });
    const layers = writable === undefined ? lowers : [writable.upper, ...lowers];
    buildTree(this.host.fileCalls, layers.toReversed(), path, this.host.xattrs);
    return { path, relative };
  }

  /** Bind of what an open descriptor names, with everything mounted below it. */
  mountDescriptor(fd: number, kind: 'dir' | 'file' = 'dir'): { readonly path: string; readonly relative: string } {
    return this.#mountAt(kind, (target) => this.host.calls.mount(`/proc/self/fd/${fd}`, target, null, MS_BIND | MS_REC));
  }

  #mountAt(
    kind: 'dir' | 'file',
    mount: (target: string) => void,
    unmount = ({ calls }: StepHost, target: string): void => calls.unmount(target, MNT_DETACH),
  ): { readonly path: string; readonly relative: string } {
    this.#mounts += 1;
    const name = `mount-${this.name}-${this.#mounts}`;
    const path = join(this.host.workplace.run, name);
    if (kind === 'dir') mkdirSync(path);
    else writeFileSync(path, '', { flag: 'wx' });
    const remove = kind === 'dir' ? rmdirSync : unlinkSync;
    try {
      mount(path);
    } catch (error) {
      remove(path);
      throw error;
    }
    this.defer(() => {
      unmount(this.host, path);
      remove(path);
    });
    return { path, relative: `${this.host.workplace.runRelative}/${name}` };
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#stack.disposeAsync();
  }
}
