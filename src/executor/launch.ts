// Starts the executor process in its namespaces. Node has many threads and cannot enter a user or
// mount namespace itself, so util-linux's or busybox's `unshare` does it before Node starts. Only
// flags that both know are used; everything else is done inside (enter-namespace.ts).
import type { ChildProcess } from 'node:child_process';
import { readlinkSync } from 'node:fs';
import type { Socket } from 'node:net';
import { userInfo } from 'node:os';
import type { Readable, Writable } from 'node:stream';
import { TsbuildError } from '../core/errors.ts';
import { type Identity, readIdRanges, writeRanges, writeSingle } from './id-map.ts';

/** How steps are kept apart, best first. `single` is rootless with one user id only. */
export type Isolation = 'root' | 'rootless' | 'single' | 'chroot';

/** What was asked for; 'auto' takes the best that works, 'fuse' and 'copy' the best with namespaces. */
export type IsolationMode = 'auto' | 'root' | 'rootless' | 'chroot' | 'fuse' | 'copy';

/** How layers become the file system of a step: overlays of the kernel, of fuse-overlayfs, or plain copies. */
export type Trees = 'overlay' | 'fuse' | 'copy';
/** 'auto' takes the first that works. */
export type WantedTrees = 'auto' | 'fuse' | 'copy';

/** What the executor process is told; JSON in its argument, so no secrets. */
export interface ExecutorConfig {
  /** Store root. */
  readonly root: string;
  readonly isolation: Isolation;
  readonly trees: WantedTrees;
  /** Mount namespace of the main process: the executor mounts nothing unless its own is another. */
  readonly outside: string;
}

export interface Launch {
  readonly child: ChildProcess;
  readonly socket: Socket;
  /** What the process and its launcher wrote to stderr, bounded; for the message of a failed start. */
  stderr(): string;
}

export interface LaunchOptions {
  readonly root: string;
  readonly entry: string;
  readonly trees: WantedTrees;
  readonly execArgv: readonly string[];
}

const STDERR_LIMIT = 16 * 1024;
/** The shell reports that it is in the new user namespace, then waits for the map to be written. */
const WAIT_FOR_MAP = 'echo; read -r go || exit 1; exec unshare "$@"';

/** Directories of system tools are often missing in a user's PATH. */
export const toolPath = (): string => `${process.env['PATH'] ?? ''}:/usr/local/sbin:/usr/sbin:/sbin:/usr/local/bin:/usr/bin:/bin`;

export function callerIdentity(): Identity {
  const uid = process.geteuid?.() ?? 0;
  const gid = process.getegid?.() ?? 0;
  try {
    return { uid, gid, user: userInfo().username };
  } catch {
    return { uid, gid };
  }
}

/** Rootless with ranges when the user has any of both kinds, else with one id. */
function rootlessKind(identity: Identity): 'rootless' | 'single' {
  const ranges = readIdRanges(identity);
  return ranges.uid.length > 0 && ranges.gid.length > 0 ? 'rootless' : 'single';
}

/** The last resort needs no namespaces; without root it can still unpack and copy, but not run steps. */
export function isolationChoices(wanted: IsolationMode): readonly Isolation[] {
  const identity = callerIdentity();
  if (wanted === 'chroot' || wanted === 'root') return [wanted];
  if (wanted === 'auto' && identity.uid === 0) return ['root', 'chroot'];
  if (wanted !== 'rootless' && identity.uid === 0) return ['root'];
  const rootless: readonly Isolation[] = rootlessKind(identity) === 'rootless' ? ['rootless', 'single'] : ['single'];
  return wanted === 'auto' ? [...rootless, 'chroot'] : rootless;
}

/** Identity of the calling process's mount namespace. */
export const mountNamespace = (): string => readlinkSync('/proc/self/ns/mnt');

export async function launchExecutor(isolation: Isolation, options: LaunchOptions): Promise<Launch> {
  const config: ExecutorConfig = { root: options.root, isolation, trees: options.trees, outside: mountNamespace() };
  const node = [process.execPath, ...options.execArgv, options.entry, JSON.stringify(config)];
  const inNamespaces = ['-m', '-p', '-f', ...node];
  if (isolation === 'chroot') return start(node, false);
  if (isolation === 'root') return start(['unshare', ...inNamespaces], false);
  const launch = start(['unshare', '-U', 'sh', '-c', WAIT_FOR_MAP, 'sh', ...inNamespaces], true);
  try {
    await admitUsers(launch, isolation);
  } catch (error) {
    launch.child.kill('SIGKILL');
    launch.socket.destroy();
    throw error;
  }
  return launch;
}

/** Node's module for processes is loaded here: this file is part of the start-up snapshot, and a cached build needs none. */
function start(command: readonly string[], handshake: boolean): Launch {
  const [program = '', ...args] = command;
  const { spawn } = process.getBuiltinModule('node:child_process');
  const child = spawn(program, args, {
    stdio: [handshake ? 'pipe' : 'ignore', handshake ? 'pipe' : 'ignore', 'pipe', 'pipe'],
    // In a session of its own: Ctrl-C in the caller's terminal is for the caller, who decides what it means.
    detached: true,
    // Steps must not find the caller's environment in a parent's /proc entry. The threshold is bin/tsbuild's.
    env: {
      PATH: toolPath(),
      MALLOC_TRIM_THRESHOLD_: '131072',
    },
  });
  let text = '';
  child.stderr?.setEncoding('utf8').on('data', (chunk: string) => {
    text = (text + chunk).slice(-STDERR_LIMIT);
  });
  return { child, socket: child.stdio[3] as Socket, stderr: () => text };
}

async function admitUsers(launch: Launch, isolation: 'rootless' | 'single'): Promise<void> {
  const { child } = launch;
  await waitForLine(child.stdout, launch);
  const identity = callerIdentity();
  const pid = child.pid ?? 0;
  if (isolation === 'rootless') await writeRanges(pid, identity, readIdRanges(identity));
  else writeSingle(pid, identity);
  const input = child.stdin as Writable;
  input.on('error', () => {});
  input.end('go\n');
}

/** The end of output without a line means that `unshare -U` was refused. */
function waitForLine(output: Readable | null, launch: Launch): Promise<void> {
  return new Promise((resolve, reject) => {
    output?.once('data', () => resolve());
    launch.child.once('error', (cause) => reject(missingUnshare(cause)));
    launch.child.once('close', () => reject(refusedUserNamespace(launch.stderr())));
  });
}

export const missingUnshare = (cause: unknown): TsbuildError =>
  new TsbuildError({
    code: 'exec/no-unshare',
    message: 'the program `unshare` is not installed; RUN steps need it to make namespaces',
    hint: 'Install it with `apt-get install util-linux` (Debian, Ubuntu) or `apk add util-linux` (Alpine).',
    cause,
  });

export const refusedUserNamespace = (detail: string): TsbuildError =>
  new TsbuildError({
    code: 'exec/no-user-namespace',
    message: `the kernel refused a user namespace${detail.trim() === '' ? '' : ` (${detail.trim().slice(0, 300)})`}`,
    hint: 'Allow them with `sysctl -w kernel.unprivileged_userns_clone=1 kernel.apparmor_restrict_unprivileged_userns=0` (whichever exists), or run tsbuild as root.',
  });
