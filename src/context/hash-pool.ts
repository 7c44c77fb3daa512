// Spreads hashing over worker threads when there is enough of it to pay for starting them.
import { availableParallelism } from 'node:os';
import type { Worker } from 'node:worker_threads';
import { InvariantError } from '../core/errors.ts';
import { BUFFER_SIZE, type HashResult, hashFile } from './hash-file.ts';

export interface HashJob {
  readonly host: string;
  /** Bytes, as far as known. */
  readonly size: number;
}

/** Below this, hashing is over before a thread has started. */
const MIN_BYTES = 64 << 20;
/** Below this, opening and closing is most of the work, and handing over costs more than it saves. */
const MIN_AVERAGE = 64 << 10;
/** A batch ends at either. */
const BATCH_FILES = 256;
const BATCH_BYTES = 16 << 20;
const MAX_WORKERS = 4;

/** Results in the order of `jobs`. `workers` overrides the choice (0: this thread only). */
export async function hashAll(jobs: readonly HashJob[], workers = chooseWorkers(jobs)): Promise<readonly HashResult[]> {
  if (workers === 0) {
    const buffer = Buffer.allocUnsafeSlow(BUFFER_SIZE);
    return jobs.map((job) => hashFile(job.host, buffer));
  }
  const results: HashResult[] = new Array(jobs.length);
  const batches = splitBatches(jobs);
  await Promise.all(Array.from({ length: Math.min(workers, batches.length) }, () => drain(batches, jobs, results)));
  return results;
}

function chooseWorkers(jobs: readonly HashJob[]): number {
  const bytes = jobs.reduce((sum, job) => sum + job.size, 0);
  // A process that began from a heap snapshot cannot have threads that hash: Node 24 aborts in them.
  if (process.execArgv.includes('--snapshot-blob')) return 0;
  const worthIt = jobs.length > 1 && bytes >= MIN_BYTES && bytes >= jobs.length * MIN_AVERAGE;
  return worthIt ? Math.min(MAX_WORKERS, availableParallelism()) : 0;
}

/** Half-open ranges of job numbers, last first, so that pop() takes them in order. */
function splitBatches(jobs: readonly HashJob[]): [number, number][] {
  const batches: [number, number][] = [];
  let start = 0;
  let bytes = 0;
  for (const [index, job] of jobs.entries()) {
    bytes += job.size;
    if (index + 1 - start < BATCH_FILES && bytes < BATCH_BYTES && index + 1 < jobs.length) continue;
    batches.push([start, index + 1]);
    start = index + 1;
    bytes = 0;
  }
  return batches.reverse();
}

/** One worker's life: takes batches until none is left. */
async function drain(batches: [number, number][], jobs: readonly HashJob[], results: HashResult[]): Promise<void> {
  const { Worker } = await import('node:worker_threads');
  // The worker's file has this file's extension: .ts in the source tree, .js or .mjs when built.
  const worker = new Worker(new URL(`./hash-worker${/\.\w+$/.exec(import.meta.url)?.[0] ?? '.js'}`, import.meta.url));
  try {
    for (let batch = batches.pop(); batch !== undefined; batch = batches.pop()) {
      const [start, end] = batch;
      const answers = await ask(
        worker,
        jobs.slice(start, end).map((job) => job.host),
      );
      for (const [index, answer] of answers.entries()) results[start + index] = answer;
    }
  } finally {
    await worker.terminate();
  }
}

function ask(worker: Worker, hosts: readonly string[]): Promise<readonly HashResult[]> {
  return new Promise((resolve, reject) => {
    const onMessage = (answer: readonly HashResult[]): void => settle(() => resolve(answer));
    const onError = (error: unknown): void => settle(() => reject(error));
    const onExit = (code: number): void => onError(new InvariantError(`hash worker ended with code ${code}`));
    const settle = (finish: () => void): void => {
      worker.off('message', onMessage).off('error', onError).off('exit', onExit);
      finish();
    };
    worker.on('message', onMessage).on('error', onError).on('exit', onExit);
    worker.postMessage(hosts);
  });
}
