// Mounts of a step where nothing can be mounted: their content is put into the tree itself before the
// step and taken out afterwards (tree-changes.ts finds it by inode). What the image has at the same
// path is moved aside. Read-only is not enforced; shared caches are used by one step at a time.
import { chmodSync, closeSync, lstatSync, mkdirSync, readlinkSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { TsbuildError } from '../../core/errors.ts';
import { comparePaths, fsPath } from '../../core/path-bytes.ts';
import type { Mount } from '../../graph/op.ts';
import type { RunRequest } from '../executor.ts';
import type { ContainerView } from '../sandbox/container-view.ts';
import { openSource, sourceRoot } from '../sandbox/mounts/bind-mount.ts';
import { acquireCache } from '../sandbox/mounts/cache-mount.ts';
import type { ProvidedFile } from '../sandbox/mounts/mount-content.ts';
import { prepareInline, prepareSecret } from '../sandbox/mounts/secret-mount.ts';
import { prepareSsh } from '../sandbox/mounts/ssh-mount.ts';
import { checkedId } from '../sandbox/snapshot-directory.ts';
import type { StepScope } from '../sandbox/step-scope.ts';
import { S_IFCHR } from '../syscalls.ts';
import { copyTree, statOrNull } from './build-tree.ts';
import type { TreeChanges } from './tree-changes.ts';

const DEVICES = { null: [1, 3], zero: [1, 5], full: [1, 7], random: [1, 8], urandom: [1, 9], tty: [5, 0] } as const;
const DEVICE_LINKS = { fd: '/proc/self/fd', stdin: '/proc/self/fd/0', stdout: '/proc/self/fd/1', stderr: '/proc/self/fd/2' } as const;

export class Placements {
  readonly #scope: StepScope;
  readonly #request: RunRequest;
  readonly #view: ContainerView;
  readonly #changes: TreeChanges;

  constructor(scope: StepScope, request: RunRequest, view: ContainerView, changes: TreeChanges) {
    this.#scope = scope;
    this.#request = request;
    this.#view = view;
    this.#changes = changes;
  }

  async placeAll(provided: readonly ProvidedFile[], signal: AbortSignal): Promise<void> {
    this.#place('/dev', (path) => this.#makeDevices(path));
    for (const file of provided) this.#place(file.target, (path) => copyTree(this.#scope.host.fileCalls, file.hostPath, path));
    for (const mount of this.#request.op.mounts.toSorted((a, b) => comparePaths(a.target ?? '', b.target ?? ''))) {
      await this.#placeMount(mount, signal);
    }
  }

  async #placeMount(mount: Mount, signal: AbortSignal): Promise<void> {
    const { target } = mount;
    if (target === undefined) return;
    if (mount.type === 'tmpfs') {
      this.#place(target, (path) => {
        mkdirSync(fsPath(path));
        chmodSync(fsPath(path), 0o1777);
      });
    } else if (mount.type === 'cache') {
      const sharing = mount.sharing === 'private' ? 'private' : 'locked';
      const home = await acquireCache(
        this.#scope,
        this.#request,
        { ...mount, sharing, source: mount.input === undefined ? '' : mount.source },
        signal,
      );
      this.#place(target, (path) => renameSync(home, fsPath(path)), home);
    } else if (mount.type === 'bind') this.#placeBind(mount);
    else await this.#placeFile(target, mount);
  }

  #placeBind(mount: Extract<Mount, { type: 'bind' }>): void {
    const source = this.#request.sources[mount.input];
    if (source === undefined) return;
    const fd = openSource(this.#scope, sourceRoot(this.#scope, this.#request, source, mount.source).path, mount.source, mount.target);
    try {
      const from = readlinkSync(`/proc/self/fd/${fd}`);
      this.#place(mount.target, (path) => copyTree(this.#scope.host.fileCalls, from, path));
    } finally {
      closeSync(fd);
    }
  }

  async #placeFile(target: string, mount: Extract<Mount, { type: 'secret' | 'ssh' | 'inline' }>): Promise<void> {
    const content =
      mount.type === 'secret'
        ? prepareSecret(this.#scope, this.#request, mount)
        : mount.type === 'ssh'
          ? await prepareSsh(this.#scope, this.#request, mount)
          : prepareInline(this.#scope, mount.content);
    const from = content?.hostPath;
    if (typeof from === 'string') this.#place(target, (path) => renameSync(from, fsPath(path)));
  }

  /** Error: 'exec/mount-target'. */
  #place(target: string, fill: (path: string) => void, home: string | null = null): void {
    const { path, stat } = this.#view.resolve(target);
    if (path === '/' || path === '/proc' || path.startsWith('/proc/')) throw refused(target);
    const tree = this.#view.rootPath;
    this.#makeParents(path.slice(0, path.lastIndexOf('/')), target);
    const parentTime = this.#mtime(path);
    if (stat !== null) {
      const aside = this.#scope.snapshotPath(`${checkedId(this.#request.snapshot)}/aside-${this.#scope.nextIndex()}`);
      renameSync(fsPath(tree + path), aside);
      this.#scope.defer(() => rmSync(aside, { recursive: true, force: true }));
    }
    fill(tree + path);
    this.#changes.place(path, parentTime, { home });
  }

  #makeParents(path: string, target: string): void {
    if (path === '') return;
    const stat = statOrNull(this.#view.rootPath + path);
    if (stat?.isDirectory() === true) return;
    if (stat !== null) throw refused(target);
    this.#makeParents(path.slice(0, path.lastIndexOf('/')), target);
    const parentTime = this.#mtime(path);
    mkdirSync(fsPath(this.#view.rootPath + path), { mode: 0o755 });
    this.#changes.stub(path, parentTime);
  }

  /** Of the parent directory. */
  #mtime(path: string): bigint {
    return lstatSync(fsPath(this.#view.rootPath + path.slice(0, path.lastIndexOf('/'))), { bigint: true }).mtimeNs;
  }

  /** Device nodes where they may be made; /dev/null at least as a file, so that redirections work. */
  #makeDevices(path: string): void {
    mkdirSync(path, { mode: 0o755 });
    for (const [name, [major, minor]] of Object.entries(DEVICES)) {
      try {
        this.#scope.host.fileCalls.makeNode(`${path}/${name}`, S_IFCHR | 0o666, major, minor);
      } catch {
        writeFileSync(`${path}/${name}`, '');
        this.#scope.host.noticeOnce('devices cannot be made here: /dev of steps holds plain files');
      }
      chmodSync(`${path}/${name}`, 0o666);
    }
    for (const [name, link] of Object.entries(DEVICE_LINKS)) symlinkSync(link, `${path}/${name}`);
    mkdirSync(`${path}/shm`);
    chmodSync(`${path}/shm`, 0o1777);
  }
}

const refused = (target: string): TsbuildError =>
  new TsbuildError({ code: 'exec/mount-target', message: `cannot mount at ${target}`, hint: 'Choose another target for the mount.' });
