// `tsbuild debug`: a shell at the point of a build right before one step, cached or not. The steps below
// are built as always; the step itself does not run, but a RUN's mounts, user and network are there.
import type { RunRequest, RunResult } from '../../executor/executor.ts';
import type { BuildPlan } from '../../graph/image-plan.ts';
import type { ExecOp } from '../../graph/op.ts';
import type { BuildRequest } from '../request/build-request.ts';
import { type BuildParts, withPlan } from '../run-build.ts';
import type { Session } from '../session.ts';
import type { Rootfs } from '../solve/layer.ts';
import { baseOf, type LayerVertex } from '../solve/selections.ts';
import { type OpenSolver, withSolver } from '../solve/solve-plan.ts';
import type { ShellTerminal } from './failed-step.ts';
import { findStep, isRun } from './find-step.ts';
import { openShell } from './open-shell.ts';

/** `step` as typed. Resolves when the shell has ended. Errors: as of builds, and 'build/no-such-step'. */
export function debugStep(session: Session, request: BuildRequest, step: string, terminal: ShellTerminal): Promise<RunResult> {
  const open = (parts: BuildParts, plan: BuildPlan): Promise<RunResult> => {
    const vertex = findStep(plan, step);
    return withSolver(parts, plan, {}, async (solving) => {
      const base = await solving.solver.solve(baseOf(vertex));
      await solving.solver.finish();
      return shellBefore(parts, solving, vertex, base, terminal);
    });
  };
  return withPlan(session, request, open, { surroundings: true });
}

async function shellBefore(
  { session, request }: BuildParts,
  { steps }: OpenSolver,
  vertex: LayerVertex,
  base: Rootfs,
  terminal: ShellTerminal,
): Promise<RunResult> {
  const prepared: RunRequest = await steps.prepareRun(vertex, isRun(vertex) ? vertex.op : plainOp(vertex, request), base);
  try {
    return await openShell(session, {
      request: prepared,
      shell: vertex.meta.shell ?? [],
      terminal,
      banner: [`before ${vertex.meta.label}`, 'what the shell changes is thrown away'],
    });
  } finally {
    session.index.removeSnapshot(prepared.snapshot);
  }
}

/** Where no command runs: what a RUN in its place would have. */
function plainOp({ meta }: LayerVertex, { network, addHosts, shmSize, ulimits }: BuildRequest): ExecOp {
  return {
    type: 'exec',
    args: [],
    env: meta.surroundings?.env ?? [],
    cwd: meta.surroundings?.cwd ?? '/',
    user: meta.surroundings?.user ?? '',
    mounts: [],
    network,
    security: 'sandbox',
    addHosts,
    ulimits,
    ...(shmSize === undefined ? {} : { shmSize }),
  };
}
