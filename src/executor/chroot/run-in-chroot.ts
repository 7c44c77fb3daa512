// One RUN where namespaces are refused (an unprivileged container): a fresh copy of the tree, changed
// root, no isolation of processes, network or resources. The same image results as in every other mode.
import { spawn } from 'node:child_process';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { constants } from 'node:os';
import { join } from 'node:path';
import { TsbuildError } from '../../core/errors.ts';
import type { RunRequest, RunResult } from '../executor.ts';
import { toolPath } from '../launch.ts';
import { cancelled } from '../sandbox/cancelled.ts';
import { ContainerView } from '../sandbox/container-view.ts';
import { checkRunnable } from '../sandbox/emulation.ts';
import { provideFiles } from '../sandbox/network/provide-files.ts';
import { hostResolvConf } from '../sandbox/network/resolv-conf.ts';
import { describeProgram, findProgram } from '../sandbox/program-check.ts';
import { collectChanges } from '../sandbox/rootfs/copied-root.ts';
import { notStarted } from '../sandbox/run-container.ts';
import { checkedId, createUpper, removeWork, treeOf } from '../sandbox/snapshot-directory.ts';
import { environment } from '../sandbox/step-environment.ts';
import type { LogChannel, StepHost } from '../sandbox/step-host.ts';
import { StepScope } from '../sandbox/step-scope.ts';
import { openStreams } from '../sandbox/terminal/terminal.ts';
import type { StepInput } from '../sandbox/terminal/terminal-input.ts';
import { readUserFiles } from '../sandbox/user-files.ts';
import { homeOf, lookupUser } from '../sandbox/user-lookup.ts';
import { createWorkingDirectory } from '../sandbox/working-directory.ts';
import { buildTree, statOrNull } from './build-tree.ts';
import type { ChrootSpec } from './enter-chroot.ts';
import { killInside } from './kill-inside.ts';
import { Placements } from './placements.ts';
import { TreeChanges } from './tree-changes.ts';

/** Errors as for every step, and 'exec/no-namespaces' for a user who may not change the root. */
export async function runInChroot(
  host: StepHost,
  request: RunRequest,
  log: LogChannel,
  signal: AbortSignal,
  input: StepInput | null = null,
): Promise<RunResult> {
  if (process.geteuid?.() !== 0) throw needsRoot();
  if (request.terminal !== undefined) throw needsNamespaces('a terminal inside a container');
  if ((request.hostBinds ?? []).length > 0) throw needsNamespaces('a host directory inside a container');
  if (request.op.network === 'none') host.noticeOnce('--network=none cannot be kept here: without namespaces steps share the network');
  if (request.memory !== undefined || request.cpus !== undefined) host.noticeOnce('limits of steps are not enforced without namespaces');
  await using scope = new StepScope(host, request.snapshot);
  createUpper(request.snapshot);
  removeWork(request.snapshot);
  const tree = scope.snapshotPath(`${checkedId(request.snapshot)}/tree`);
  rmSync(tree, { recursive: true, force: true });
  scope.defer(() => rmSync(tree, { recursive: true, force: true }));
  mkdirSync(tree, { mode: 0o755 });
  buildTree(host.fileCalls, request.root.map(treeOf), tree, host.xattrs);
  const missing = FIXED.filter((path) => statOrNull(tree + path) === null);
  for (const path of missing) mkdirSync(tree + path, { mode: 0o755 });
  const changes = new TreeChanges(host.fileCalls, tree);
  const view = new ContainerView(tree, []);
  try {
    await new Placements(scope, request, view, changes).placeAll(provideFiles(scope.files, request.op, hostResolvConf()), signal);
    const connection = { log, input: request.stdin === true ? input : null, signals: input };
    return await runProgram(scope, request, view, tree, connection, signal);
  } finally {
    // Also after a failure: caches go home.
    collectChanges(
      changes,
      scope.snapshotPath(treeOf(request.snapshot)),
      missing.filter((path) => !isMountPoint(request, path)),
    );
  }
}

const FIXED = ['/dev', '/proc', '/sys'];

/** Mount points of the step never stay in its layer; a size of /dev/shm makes /dev one. */
const isMountPoint = ({ op }: RunRequest, path: string): boolean =>
  op.mounts.some(({ target }) => target === path) || (path === '/dev' && op.shmSize !== undefined);

async function runProgram(
  scope: StepScope,
  request: RunRequest,
  view: ContainerView,
  tree: string,
  connection: Connection,
  signal: AbortSignal,
): Promise<RunResult> {
  const { op } = request;
  const { log } = connection;
  const files = readUserFiles(view);
  const user = lookupUser(op.user, files);
  const cwd = createWorkingDirectory(scope, view, op.cwd, user);
  const env = environment(request, () => homeOf(user.uid, files.passwd));
  checkRunnable(scope.host, view, op);
  const problem = describeProgram(view, op, user);
  const program = findProgram(view, op, op.args[0] ?? '');
  if (problem !== null || program === null) {
    return notStarted(log, problem ?? { kind: 'missing', message: 'no program', exitCode: 1 });
  }
  const spec: ChrootSpec = { tree, cwd, program: program.path, args: op.args, env, ...user };
  const specFile = join(scope.files, 'spec');
  writeFileSync(specFile, JSON.stringify(spec), { mode: 0o600 });
  return { exitCode: await spawnInside(scope, tree, specFile, connection, signal) };
}

interface Connection {
  readonly log: LogChannel;
  readonly input: StepInput | null;
  /** Also where the program gets no input. */
  readonly signals: StepInput | null;
}

async function spawnInside(scope: StepScope, tree: string, specFile: string, connection: Connection, signal: AbortSignal): Promise<number> {
  const { host } = scope;
  if (signal.aborted) throw cancelled();
  const { log, input } = connection;
  const streams = openStreams({ host, runtime: null, bundle: scope.filesRelative, log, input });
  const args = [...process.execArgv, process.argv[1] ?? '', 'enter-chroot', specFile];
  host.runningTrees.add(tree);
  const child = spawn(process.execPath, args, {
    stdio: [streams.stdin, streams.stdout, streams.stderr],
    env: { PATH: toolPath() },
    detached: true,
  });
  streams.started(child.pid);
  const stop = (): void => {
    child.kill('SIGKILL');
    killInside(tree);
  };
  signal.addEventListener('abort', stop, { once: true });
  connection.signals?.onSignal((name) => child.kill(name));
  try {
    const code = await new Promise<number>((resolve, reject) => {
      child.once('error', reject);
      child.once('exit', (status, name) => resolve(status ?? 128 + (name === null ? 0 : constants.signals[name])));
    });
    killInside(tree);
    await streams.drained();
    if (signal.aborted) throw cancelled();
    return code;
  } finally {
    signal.removeEventListener('abort', stop);
    host.runningTrees.delete(tree);
  }
}

const needsNamespaces = (what: string): TsbuildError =>
  new TsbuildError({
    code: 'exec/no-namespaces',
    message: `${what} needs namespaces, which are refused here`,
    hint: '`tsbuild doctor` says how to allow them.',
  });

const needsRoot = (): TsbuildError =>
  new TsbuildError({
    code: 'exec/no-namespaces',
    message: 'steps can run here neither in namespaces, which are refused, nor in a chroot, which needs root',
    hint: 'Run tsbuild as root of the container, or allow user namespaces; `tsbuild doctor` says how.',
  });
