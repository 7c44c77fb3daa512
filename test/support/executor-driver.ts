// Runs steps in a process of its own: as another user, or to be killed. Argument: JSON of the store
// root, isolation and steps; prints one JSON line for each notice and outcome.
import { startExecutor } from '../../src/executor/start-executor.ts';
import { type RunStep, stepRunner } from './step-runner.ts';

interface Job {
  readonly root: string;
  readonly isolation: 'auto' | 'root' | 'rootless' | 'chroot' | 'fuse' | 'copy';
  readonly steps: readonly { readonly op: Parameters<RunStep>[0]; readonly request?: Parameters<RunStep>[1] }[];
  /** Turns the snapshot of the last step into a layer. */
  readonly diff?: boolean;
}

const say = (line: object): boolean => process.stdout.write(`${JSON.stringify(line)}\n`);
const job = JSON.parse(process.argv[2] ?? '') as Job;
try {
  const executor = await startExecutor({ root: job.root, isolation: job.isolation, notice: (notice) => say({ notice }) });
  say({ ready: true });
  const run = stepRunner(executor);
  let last = '';
  for (const { op, request } of job.steps) {
    try {
      const outcome = await run(op, request);
      last = outcome.snapshot;
      say(outcome);
    } catch (error) {
      say({ code: (error as { code?: string }).code, message: String(error) });
    }
  }
  if (job.diff === true) say(await executor.diff({ snapshot: last, parent: ['base'], format: { compression: 'uncompressed' } }));
  await executor.close();
} catch (error) {
  say({ code: (error as { code?: string }).code, message: String(error) });
  process.exitCode = 1;
}
