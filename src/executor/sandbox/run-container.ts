// Starts the container of a prepared step, passes its output on, ends it when the build is
// cancelled, and says how it ended. Processes that a finished step left behind die with its pid
// namespace, so the pipes always end.
import { constants } from 'node:os';
import { basename, join } from 'node:path';
import { TsbuildError } from '../../core/errors.ts';
import type { RunRequest, RunResult } from '../executor.ts';
import { cancelled } from './cancelled.ts';
import type { StepCgroups } from './confinement/step-cgroups.ts';
import type { ContainerView } from './container-view.ts';
import { describeProgram, type ProgramProblem } from './program-check.ts';
import { containerPid, type Runtime, runtimeError, startContainer } from './runtime.ts';
import type { LogChannel } from './step-host.ts';
import type { StepScope } from './step-scope.ts';
import { passSignal, signalExitCode } from './terminal/pass-signals.ts';
import { openStreams } from './terminal/terminal.ts';
import type { StepInput } from './terminal/terminal-input.ts';
import type { StepUser } from './user-lookup.ts';

export interface ContainerRun {
  readonly scope: StepScope;
  readonly runtime: Runtime;
  readonly bundle: string;
  readonly view: ContainerView;
  readonly user: StepUser;
  readonly cgroups: StepCgroups;
  readonly request: RunRequest;
  readonly log: LogChannel;
  readonly input: StepInput | null;
  readonly signal: AbortSignal;
}

const KILL_POLL = 10;

/** Errors: 'exec/cancelled', 'exec/runtime-failed'. */
export async function runContainer(run: ContainerRun): Promise<RunResult> {
  const { scope, runtime, bundle, log, signal, request } = run;
  if (signal.aborted) throw cancelled();
  const streams = openStreams({
    host: scope.host,
    runtime: runtime.kind,
    bundle: `${scope.filesRelative}/${basename(bundle)}`,
    log,
    input: request.stdin === true || request.terminal !== undefined ? run.input : null,
    ...(request.terminal === undefined ? {} : { terminal: request.terminal }),
  });
  const child = startContainer(runtime, {
    bundle,
    state: join(scope.host.workplace.run, 'runtime'),
    name: `step-${scope.name}`,
    stdin: streams.stdin,
    stdout: streams.stdout,
    stderr: streams.stderr,
    cgroups: run.cgroups.join,
    ...(streams.consoleSocket === undefined ? {} : { consoleSocket: streams.consoleSocket }),
  });
  streams.started(child.pid);
  const ended = new Promise<number>((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', (code, name) => resolve(code ?? 128 + (name === null ? 0 : constants.signals[name])));
  });
  const ending = new AbortController();
  let endedBy: NodeJS.Signals | null = null;
  run.input?.onSignal((name) => {
    if (passSignal(containerPid(bundle), name)) return;
    endedBy = name;
    ending.abort();
  });
  const stop = killOnAbort(bundle, AbortSignal.any([signal, ending.signal]), (name) => child.kill(name));
  try {
    const code = await ended;
    await streams.drained();
    if (signal.aborted) throw cancelled();
    if (endedBy !== null) return { exitCode: signalExitCode(endedBy) };
    return code === 0 ? { exitCode: 0 } : failure(run, code);
  } finally {
    stop();
  }
}

/**
 * Kills the container's first process, and with it the pid namespace. While the runtime is still
 * setting up there is none yet, so this goes on until `stop`.
 */
function killOnAbort(bundle: string, signal: AbortSignal, killRuntime: (name: NodeJS.Signals) => void): () => void {
  let timer: NodeJS.Timeout | undefined;
  let tries = 0;
  const kill = (): void => {
    const pid = containerPid(bundle);
    tries += 1;
    try {
      if (pid !== null) process.kill(pid, 'SIGKILL');
    } catch {
      // already gone
    }
    // A runtime that makes no container in a second hangs.
    if (pid === null && tries > 100) killRuntime('SIGKILL');
    timer = setTimeout(kill, KILL_POLL);
  };
  if (signal.aborted) kill();
  else signal.addEventListener('abort', kill, { once: true });
  return () => {
    signal.removeEventListener('abort', kill);
    clearTimeout(timer);
  };
}

/** Says what is wrong with the program, as Docker does. */
export function notStarted(log: LogChannel, { message, exitCode, kind }: ProgramProblem): RunResult {
  log.write('stderr', Buffer.from(`${message}\n`));
  return { exitCode, ...(kind === 'format' ? {} : { notStarted: kind }) };
}

/** A non-zero end: of the step, or of the runtime because the program cannot be run, or because the runtime failed. */
function failure(run: ContainerRun, code: number): RunResult {
  const problem = runtimeError(run.bundle);
  if (problem === null) {
    // A runtime passes a signal on as 128 + n, which a program may return as well: only the kernel's own count is certain.
    return run.cgroups.oomKilled() ? { exitCode: code, killedBy: 'oom' } : { exitCode: code };
  }
  const program = describeProgram(run.view, run.request.op, run.user);
  if (program !== null) return notStarted(run.log, program);
  throw new TsbuildError({
    code: 'exec/runtime-failed',
    message: `${run.runtime.kind} could not start the step: ${problem}`,
    hint: 'Run `tsbuild doctor` to see what this machine lacks.',
  });
}
