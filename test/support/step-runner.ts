// Runs single steps on an executor in tests: fills in what a test does not care about and collects
// the output.
import type { Executor, RunRequest, RunResult } from '../../src/executor/executor.ts';
import type { ExecOp } from '../../src/graph/op.ts';

export interface StepOutcome extends RunResult {
  readonly stdout: string;
  readonly stderr: string;
  readonly snapshot: string;
}

export const BASE_OP: ExecOp = {
  type: 'exec',
  args: ['true'],
  env: ['PATH=/bin'],
  cwd: '/',
  user: '',
  mounts: [],
  network: 'none',
  security: 'sandbox',
};

type StepOp = Partial<ExecOp> & { readonly script?: string };

export function stepRequest(snapshot: string, { script, ...op }: StepOp, request: Partial<RunRequest> = {}): RunRequest {
  return {
    id: snapshot,
    op: { ...BASE_OP, ...(script === undefined ? {} : { args: ['/bin/sh', '-c', script] }), ...op },
    root: ['base'],
    snapshot,
    sources: {},
    extraEnv: [],
    secrets: {},
    sshSockets: {},
    platform: { os: 'linux', architecture: 'amd64' },
    ...request,
  };
}

/** One counter for each store, so that snapshot names do not collide. */
export function stepRunner(executor: Executor, prefix = 's') {
  let count = 0;
  return async (
    op: StepOp,
    request: Partial<RunRequest> = {},
    signal: AbortSignal = new AbortController().signal,
  ): Promise<StepOutcome> => {
    count += 1;
    const snapshot = request.snapshot ?? `${prefix}${count}`;
    const output = { stdout: '', stderr: '' };
    const result = await executor.run(
      stepRequest(snapshot, op, request),
      (stream, data) => {
        output[stream] += Buffer.from(data).toString('utf8');
      },
      signal,
    );
    return { ...result, ...output, snapshot };
  };
}

export type RunStep = ReturnType<typeof stepRunner>;
