// An executor on a store of its own with the busybox base, for tests of single steps.
import type { Executor } from '../../src/executor/executor.ts';
import type { IsolationMode } from '../../src/executor/launch.ts';
import { startExecutor } from '../../src/executor/start-executor.ts';
import { createStore, findBusybox, type TestStore } from './busybox-root.ts';
import { type RunStep, stepRunner } from './step-runner.ts';

export interface StepBench {
  readonly store: TestStore;
  readonly executor: Executor;
  readonly run: RunStep;
  /** What the user was told. */
  readonly notices: readonly string[];
  /** Ends the executor and removes the store. */
  close(): Promise<void>;
}

export async function openStepBench(isolation: IsolationMode = 'root'): Promise<StepBench> {
  const store = await createStore(findBusybox() ?? '');
  const notices: string[] = [];
  const executor = await startExecutor({ root: store.root, isolation, notice: (message) => notices.push(message) });
  return {
    store,
    executor,
    run: stepRunner(executor),
    notices,
    async close() {
      await executor.close();
      store.remove();
    },
  };
}
