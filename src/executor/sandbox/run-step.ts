// One RUN: builds the root file system and the bundle, runs the container, waits until everything of
// it is gone. The order matters: all paths are looked at while nothing of the step runs yet.
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { TsbuildError } from '../../core/errors.ts';
import type { RunRequest, RunResult } from '../executor.ts';
import { bundleConfig, DEFAULT_SHM, type OciMount, READ_ONLY, serializeBundle } from './bundle.ts';
import { ownBoundingSet, stepCapabilities } from './confinement/capabilities.ts';
import { stepRlimits } from './confinement/rlimits.ts';
import { joinCgroups, type StepCgroups } from './confinement/step-cgroups.ts';
import { ContainerView } from './container-view.ts';
import { checkRunnable, prepareEmulation } from './emulation.ts';
import { prepareMounts } from './mounts/step-mounts.ts';
import { removeEmptyStubs, type Stub, writeStubLayer } from './mounts/stub-layer.ts';
import { DEFAULT_HOSTNAME } from './network/hosts-file.ts';
import { provideFiles } from './network/provide-files.ts';
import { certainProblem } from './program-check.ts';
import { useCopy } from './rootfs/copied-root.ts';
import { type FuseChanges, readFuseChanges, toOverlayForm } from './rootfs/fuse-form.ts';
import { notStarted, runContainer } from './run-container.ts';
import { copyDirectoryAttributes, createUpper, lowersOf, removeWork } from './snapshot-directory.ts';
import { environment, hasHome } from './step-environment.ts';
import type { LogChannel, StepHost } from './step-host.ts';
import { StepScope, type TreeRequest } from './step-scope.ts';
import type { StepInput } from './terminal/terminal-input.ts';
import { readUserFiles } from './user-files.ts';
import { homeOf, isNumericUser, lookupUser, type StepUser } from './user-lookup.ts';
import { createWorkingDirectory } from './working-directory.ts';

/** Errors: 'exec/…' when the step cannot be started, 'exec/cancelled' after the signal. */
export async function runStep(
  host: StepHost,
  request: RunRequest,
  log: LogChannel,
  signal: AbortSignal,
  input: StepInput | null = null,
): Promise<RunResult> {
  const runtime = host.runtime();
  prepareEmulation(host, request.platform);
  await using scope = new StepScope(host, request.snapshot);
  const attached = await host.network.attach(request.op.network);
  const view = openView(scope, request);
  const provided = provideFiles(scope.files, request.op, attached.resolver);
  const prepared = await prepareMounts(scope, view, request, provided, signal);
  const rootfs = mountRoot(scope, request, view, [...prepared.stubs, ...sharedMemoryStub(request, view)]);
  const inside = view.withRoot(rootfs);
  const files = isNumericUser(request.op.user) && hasHome(request) ? { passwd: null, group: null } : readUserFiles(inside);
  const user = lookupUser(request.op.user, files);
  checkMapped(host, user);
  checkRunnable(host, inside, request.op);
  const cwd = createWorkingDirectory(scope, inside, request.op.cwd, user);
  const problem = certainProblem(inside, request.op, user);
  if (problem !== null) return notStarted(log, problem);
  const cgroups = joinCgroups(host, scope, request);
  const bundle = writeBundle(scope, request, {
    rootfs,
    cwd,
    user,
    cgroups,
    env: environment(request, () => homeOf(user.uid, files.passwd)),
    network: attached.network,
    mounts: prepared.mounts,
  });
  return await runContainer({ scope, runtime, bundle, view: inside, user, cgroups, request, log, input, signal });
}

function checkMapped(host: StepHost, user: StepUser): void {
  if (host.config.isolation !== 'single' || (user.uid === 0 && user.gid === 0)) return;
  throw new TsbuildError({
    code: 'exec/user-not-mapped',
    message: `the step runs as user ${user.uid}:${user.gid}, but this account may only use one user id`,
    hint: 'Give the account ranges in /etc/subuid and /etc/subgid (`usermod --add-subuids 100000-165535 --add-subgids 100000-165535 NAME`) and install uidmap.',
  });
}

/** The image's tree with the file systems that every step gets; a link in their place is an attack (CVE-2025-31133). */
function openView(scope: StepScope, request: RunRequest): ContainerView {
  const view = new ContainerView(scope.mountTree({ lowers: lowersOf(request.root) }).path);
  for (const path of FIXED) {
    const stat = view.lstatRoot(path);
    if (stat !== null && !stat.isDirectory()) {
      throw new TsbuildError({
        code: 'exec/unsafe-rootfs',
        message: `${path} of the image is not a directory, so the step's own ${path} cannot be mounted there`,
        hint: 'Remove it in the image, or use another base image.',
      });
    }
  }
  return view;
}

const FIXED = ['/dev', '/proc', '/sys'];

/** Unlike other mount points, these stay in the layer when the image lacks them, unless a mount of the step lies below: as with Docker. */
const missingFixed = (view: ContainerView, stubs: readonly Stub[]): string[] =>
  FIXED.filter((path) => view.lstatRoot(path) === null && !stubs.some((stub) => stub.path === path));

/** A size that was asked for is a mount of the step, as in Docker. */
function sharedMemoryStub(request: RunRequest, view: ContainerView): Stub[] {
  return request.op.shmSize !== undefined && view.lstatRoot('/dev') === null ? [{ path: '/dev', kind: 'dir' }] : [];
}

/** The writable root file system; stubs of missing mount points lie between it and the image. */
function mountRoot(scope: StepScope, request: RunRequest, view: ContainerView, stubs: readonly Stub[]): string {
  const writable = createUpper(request.snapshot);
  scope.defer(() => removeWork(request.snapshot));
  const lowers = lowersOf(request.root);
  const root = view.rootPath;
  if (stubs.length > 0) {
    const layer = join(scope.files, 'stubs');
    mkdirSync(layer);
    const made = writeStubLayer(scope.host.fileCalls, layer, stubs, (path) => (view.lstatRoot(path) === null ? null : root + path));
    scope.defer(() => removeEmptyStubs(scope.host.fileCalls, writable.upper, made));
    lowers.unshift(`${scope.filesRelative}/stubs`);
  }
  const missing = missingFixed(view, stubs);
  const { trees, fileCalls } = scope.host;
  if (trees === 'copy') return useCopy(scope, request, root, stubs.length === 0 ? null : join(scope.files, 'stubs'), missing);
  if (request.root.length > 0) copyDirectoryAttributes(fileCalls, root, writable.upper);
  for (const path of missing) mkdirSync(join(writable.upper, path), { mode: 0o755 });
  return trees === 'fuse' ? mountFuseRoot(scope, { lowers, writable }, root) : scope.mountTree({ lowers, writable }).path;
}

/** Its upper directory becomes a snapshot like any other when the step ends. `image` is the tree without the step's mount points. */
function mountFuseRoot(scope: StepScope, layers: Required<Pick<TreeRequest, 'lowers' | 'writable'>>, image: string): string {
  const { fileCalls } = scope.host;
  const { upper } = layers.writable;
  const since = BigInt(Date.now() - CLOCK_STEP) * 1_000_000n;
  let changes: FuseChanges | undefined;
  scope.defer(() => {
    if (changes !== undefined) toOverlayForm(fileCalls, upper, changes);
  });
  const { path } = scope.mountTree(layers);
  scope.defer(() => {
    changes = readFuseChanges(fileCalls, upper, path, image, since);
  });
  return path;
}

/** Milliseconds: times of files are those of the last tick. */
const CLOCK_STEP = 10;

interface BundleParts {
  readonly rootfs: string;
  readonly cwd: string;
  readonly user: StepUser;
  readonly env: readonly string[];
  readonly cgroups: StepCgroups;
  readonly network: Parameters<typeof bundleConfig>[0]['network'];
  readonly mounts: readonly OciMount[];
}

function writeBundle(scope: StepScope, request: RunRequest, parts: BundleParts): string {
  const { host } = scope;
  const { op } = request;
  const insecure = op.security === 'insecure';
  const { cgroups, ...looked } = parts;
  const config = bundleConfig({
    ...looked,
    args: op.args,
    hostname: op.hostname ?? DEFAULT_HOSTNAME,
    capabilities: stepCapabilities(op.security, ownBoundingSet()),
    rlimits: stepRlimits(host, op.ulimits ?? []),
    insecure,
    rootless: host.rootless,
    ownGroup: cgroups.own,
    singleId: host.config.isolation === 'single',
    shmSize: op.shmSize ?? DEFAULT_SHM,
    ...(request.terminal === undefined ? {} : { terminal: request.terminal }),
    seccomp: insecure ? null : host.seccomp(),
    ...(cgroups.ociPath === undefined ? {} : { cgroupsPath: cgroups.ociPath }),
    ...(host.runtime().kind === 'crun' ? { readOnlyMounts: READ_ONLY.filter((path) => existsSync(path)) } : {}),
  });
  const bundle = join(scope.files, 'bundle');
  mkdirSync(bundle, { mode: 0o700 });
  writeFileSync(join(bundle, 'config.json'), serializeBundle(config), { mode: 0o600 });
  return bundle;
}
