// The container runtime: finding crun or runc, and starting one container with it. The runtime is
// run directly with our pipes as the step's output, and writes its own errors to a log file, so that
// nothing it says can be confused with output or exit codes of the step.
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { TsbuildError } from '../../core/errors.ts';
import { toolPath } from '../launch.ts';
import { findProgram } from './find-program.ts';
import { readHostFile } from './host-file.ts';

export interface Runtime {
  readonly kind: 'crun' | 'runc';
  readonly path: string;
}

export interface RuntimeStart {
  /** Directory with config.json; also gets `log` and `pid`. */
  readonly bundle: string;
  /** Where the runtime keeps its state. */
  readonly state: string;
  readonly name: string;
  readonly stdin: number | 'ignore';
  readonly stdout: number;
  readonly stderr: number;
  /** Socket in the bundle over which the runtime hands out the container's terminal. */
  readonly consoleSocket?: string;
  /** Control groups to start in, as directories; needs a shell in between. */
  readonly cgroups: readonly string[];
}

/** crun starts three times as fast as runc, so it comes first. */
export function findRuntime(): Runtime {
  for (const kind of ['crun', 'runc'] as const) {
    const path = findProgram(kind);
    if (path !== null) return { kind, path };
  }
  throw new TsbuildError({
    code: 'exec/no-runtime',
    message: 'no container runtime found: neither crun nor runc is in PATH',
    hint: 'Install one with `apt-get install crun` (Debian, Ubuntu), `dnf install crun` (Fedora) or `apk add crun` (Alpine).',
  });
}

/** First line of `--version`, or null when it cannot be run. */
export function programVersion(path: string): string | null {
  const result = spawnSync(path, ['--version'], { encoding: 'utf8', timeout: 2_000 });
  return result.status === 0 ? (result.stdout.split('\n')[0] ?? '') : null;
}

export function startContainer(runtime: Runtime, start: RuntimeStart): ChildProcess {
  const args = [
    ...(runtime.kind === 'crun' ? ['--cgroup-manager=disabled'] : []),
    // In its working directory: what stands before a colon in a whole path is a kind of log to crun.
    ...['--root', start.state, '--log', 'log', '--log-format', 'json'],
    ...['run', '--bundle', start.bundle, '--no-new-keyring', '--pid-file', join(start.bundle, 'pid')],
    ...(start.consoleSocket === undefined ? [] : ['--console-socket', start.consoleSocket]),
    start.name,
  ];
  const options = { stdio: [start.stdin, start.stdout, start.stderr] as const, env: { PATH: toolPath() }, cwd: start.bundle };
  if (start.cgroups.length === 0) return spawn(runtime.path, args, { ...options, stdio: [...options.stdio] });
  const joinGroups = 'n=$1; shift; while [ "$n" -gt 0 ]; do echo $$ > "$1/cgroup.procs" || exit 125; shift; n=$((n - 1)); done; exec "$@"';
  const command = ['-c', joinGroups, 'sh', String(start.cgroups.length), ...start.cgroups, runtime.path, ...args];
  return spawn('/bin/sh', command, { ...options, stdio: [...options.stdio] });
}

/** Last error the runtime logged, or null: then the exit code is the step's own. */
export function runtimeError(bundle: string): string | null {
  const lines = (readHostFile(join(bundle, 'log')) ?? '').trim().split('\n');
  for (const line of lines.reverse()) {
    try {
      const entry = JSON.parse(line) as { level?: unknown; msg?: unknown };
      if (entry.level !== 'warning' && entry.level !== 'debug' && entry.level !== 'info' && typeof entry.msg === 'string') return entry.msg;
    } catch {
      // not an entry
    }
  }
  return null;
}

/** Init process of the container, once it exists. */
export function containerPid(bundle: string): number | null {
  const pid = Number(readHostFile(join(bundle, 'pid')) ?? '');
  return Number.isInteger(pid) && pid > 1 ? pid : null;
}
