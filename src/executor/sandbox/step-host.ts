// What all steps of one executor share: system calls, the private directory, the container runtime,
// the network of the build, and notices that are given once.
import { rmSync } from 'node:fs';
import { killInside } from '../chroot/kill-inside.ts';
import { enterNamespace, enterPlainly, type Workplace } from '../enter-namespace.ts';
import type { ExecutorConfig, Trees } from '../launch.ts';
import { type OverlayXattrs, opaqueXattr } from '../layer/overlay-form.ts';
import { loadNamespaceCalls, type NamespaceCalls } from '../namespace-calls.ts';
import { type FileCalls, loadFileCalls } from '../syscalls.ts';
import type { BundleInput } from './bundle.ts';
import { type DeviceGuard, guardDevices } from './confinement/device-guard.ts';
import { chooseSeccomp } from './confinement/seccomp.ts';
import { BuildNetwork } from './network/build-network.ts';
import { chooseTrees } from './rootfs/choose-trees.ts';
import { findRuntime, type Runtime } from './runtime.ts';

/** Where output of a step goes; see `LogChannel.write` for back-pressure. */
export interface LogChannel {
  /** False when the reader should wait for `drained` before it reads on. */
  write(stream: 'stdout' | 'stderr', data: Uint8Array): boolean;
  drained(): Promise<void>;
}

export interface HostCallbacks {
  notice(message: string): void;
  /** Control groups made for a step, as the main process sees them. */
  cgroups(paths: readonly string[]): void;
}

export class StepHost {
  readonly calls: NamespaceCalls;
  readonly fileCalls: FileCalls = loadFileCalls();
  readonly config: ExecutorConfig;
  readonly workplace: Workplace;
  readonly network: BuildNetwork;
  readonly callbacks: HostCallbacks;
  /** Roots of running steps where no namespace would end them. */
  readonly runningTrees = new Set<string>();
  readonly #noticed = new Set<string>();
  readonly #runnable = new Map<string, boolean>();
  #runtime: Runtime | undefined;
  #xattrs: OverlayXattrs | undefined;
  #trees: Trees | undefined;
  #seccomp: { readonly choice: BundleInput['seccomp'] } | undefined;
  #deviceGuard: DeviceGuard | null | undefined;
  #counter = 0;

  constructor(calls: NamespaceCalls, config: ExecutorConfig, callbacks: HostCallbacks) {
    this.calls = calls;
    this.config = config;
    this.callbacks = callbacks;
    this.workplace = config.isolation === 'chroot' ? enterPlainly(calls, config) : enterNamespace(calls, config);
    this.network = new BuildNetwork(this);
  }

  /** User namespaces may not use trusted.* attributes; overlay then needs `userxattr`. */
  get rootless(): boolean {
    return this.config.isolation !== 'root';
  }

  /** How snapshots of this executor mark opaque directories. Without namespaces: what an overlay of root would read, if that can be set. */
  get xattrs(): OverlayXattrs {
    if (this.config.isolation !== 'chroot') return this.rootless ? 'user' : 'trusted';
    this.#xattrs ??= canMarkTrusted(this) ? 'trusted' : 'user';
    return this.#xattrs;
  }

  /** The best that works on the file system of the store, or what was asked for. Error: 'exec/no-overlay'. */
  get trees(): Trees {
    this.#trees ??= chooseTrees(this);
    return this.#trees;
  }

  /** Throws 'exec/no-runtime' when neither crun nor runc is installed. */
  runtime(): Runtime {
    this.#runtime ??= findRuntime();
    return this.#runtime;
  }

  /** The filter of every sandboxed step. */
  seccomp(): BundleInput['seccomp'] {
    this.#seccomp ??= { choice: chooseSeccomp(this) };
    return this.#seccomp.choice;
  }

  /** What keeps devices from sandboxed steps; in force from the first call. Error: 'exec/no-device-filter'. */
  deviceGuard(): DeviceGuard | null {
    if (this.#deviceGuard === undefined) this.#deviceGuard = guardDevices(this);
    return this.#deviceGuard;
  }

  /** Whether programs of an architecture run here; looked up once. */
  canRun(architecture: string, look: () => boolean): boolean {
    const known = this.#runnable.get(architecture) ?? look();
    this.#runnable.set(architecture, known);
    return known;
  }

  /** Short name unique in this executor. */
  nextName(): string {
    this.#counter += 1;
    return this.#counter.toString(36);
  }

  /** Tells the user something once per build. */
  noticeOnce(message: string): void {
    if (this.#noticed.has(message)) return;
    this.#noticed.add(message);
    this.callbacks.notice(message);
  }

  close(): void {
    this.network.close();
    this.#deviceGuard?.close();
    if (this.config.isolation !== 'chroot') return;
    for (const tree of this.runningTrees) killInside(tree);
    rmSync(this.workplace.run, { recursive: true, force: true });
  }
}

export const openStepHost = (config: ExecutorConfig, callbacks: HostCallbacks): StepHost =>
  new StepHost(loadNamespaceCalls(), config, callbacks);

function canMarkTrusted({ fileCalls, workplace }: StepHost): boolean {
  try {
    fileCalls.setXattr(workplace.run, opaqueXattr('trusted'), 'y');
    return true;
  } catch {
    return false;
  }
}
