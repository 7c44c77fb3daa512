// Runs a command and watches its process tree: wall time and the highest sum of resident memory.
import { spawn } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';

export interface Measurement {
  readonly milliseconds: number;
  /**
   * Bytes: highest sum of RSS over all descendants, sampled. Processes of a daemon are not descendants. The
   * executor is in a PID namespace below ours and counts; programs that a step runs are one deeper and do not.
   */
  readonly peakMemory: number;
  readonly exitCode: number;
  readonly output: string;
}

const PAGE = 4096;
const SAMPLE_MS = 25;

/** How many PID namespaces a process is in, from the outermost one this /proc shows. */
function namespaceDepth(pid: number | 'self'): number {
  const [, ids = ''] = /^NSpid:\s+(.*)$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? [];
  return ids.split(/\s+/).length;
}

function residentOfTree(root: number): number {
  const deepest = namespaceDepth('self') + 1;
  const parents = new Map<number, number>();
  const resident = new Map<number, number>();
  for (const name of readdirSync('/proc')) {
    if (!/^\d+$/.test(name)) continue;
    try {
      const stat = readFileSync(`/proc/${name}/stat`, 'utf8');
      const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
      parents.set(Number(name), Number(fields[1]));
      resident.set(Number(name), Number(fields[21]) * PAGE);
    } catch {
      // The process ended while we looked.
    }
  }
  const belongs = (pid: number): boolean => {
    for (let at: number | undefined = pid; at !== undefined && at > 1; at = parents.get(at)) if (at === root) return true;
    return false;
  };
  let sum = 0;
  for (const [pid, bytes] of resident) {
    try {
      if (belongs(pid) && namespaceDepth(pid) <= deepest) sum += bytes;
    } catch {
      // The process ended while we looked.
    }
  }
  return sum;
}

export function measure(command: readonly string[], env: NodeJS.ProcessEnv, watchMemory: boolean): Promise<Measurement> {
  const [file = '', ...args] = command;
  const started = process.hrtime.bigint();
  const child = spawn(file, args, { env, stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  const collect = (data: Buffer): void => {
    output = (output + data.toString()).slice(-4000);
  };
  child.stdout.on('data', collect);
  child.stderr.on('data', collect);
  let peakMemory = 0;
  const timer = watchMemory
    ? setInterval(() => {
        if (child.pid !== undefined) peakMemory = Math.max(peakMemory, residentOfTree(child.pid));
      }, SAMPLE_MS)
    : undefined;
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code) => {
      clearInterval(timer);
      resolve({ milliseconds: Number(process.hrtime.bigint() - started) / 1e6, peakMemory, exitCode: code ?? 1, output });
    });
  });
}
