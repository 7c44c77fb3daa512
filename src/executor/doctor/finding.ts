// One thing that `tsbuild doctor` looked at, and how it tries what this machine permits.
import { spawnSync } from 'node:child_process';
import { toolPath } from '../launch.ts';

export interface Finding {
  /** Stable, for JSON: `user`, `user-namespaces`, `id-ranges`… */
  readonly name: string;
  /** good: the best there is; fair: works with less; missing: something does not work. */
  readonly state: 'good' | 'fair' | 'missing';
  /** What was found, a few words. */
  readonly value: string;
  /** What it means for builds, one sentence. */
  readonly meaning: string;
  /** Command that improves it. */
  readonly improve?: string;
}

export interface Attempt {
  readonly works: boolean;
  /** Last line of what the program said. */
  readonly detail: string;
}

const TIMEOUT = 5_000;

/** Runs a short-lived program to its end. */
export function attempt(...command: readonly string[]): Attempt {
  const [program = '', ...args] = command;
  const result = spawnSync(program, args, { encoding: 'utf8', timeout: TIMEOUT, env: { PATH: toolPath() } });
  const detail = result.error === undefined ? lastWords(result.stderr ?? '') : result.error.message;
  return { works: result.status === 0, detail: detail ?? '' };
}

/** mount points to the kernel's log after it has said what is wrong. */
const lastWords = (text: string): string | undefined =>
  text
    .trim()
    .split('\n')
    .filter((line) => !line.includes('dmesg(1)'))
    .at(-1);
