// The process that becomes a step where there are no namespaces: changes root, directory and user, then
// replaces itself with the program. Runs in a process of its own; what it says goes to the step's log.
import { readFileSync, unlinkSync } from 'node:fs';
import { loadNamespaceCalls } from '../namespace-calls.ts';

export interface ChrootSpec {
  readonly tree: string;
  readonly cwd: string;
  /** Found in the tree, absolute. */
  readonly program: string;
  readonly args: readonly string[];
  readonly env: readonly string[];
  readonly uid: number;
  readonly gid: number;
  readonly groups: readonly number[];
}

/** The spec is read once and removed: it holds the environment, secrets included. */
export function enterChroot(specFile: string): void {
  const spec = JSON.parse(readFileSync(specFile, 'utf8')) as ChrootSpec;
  unlinkSync(specFile);
  const calls = loadNamespaceCalls();
  const env: Record<string, string> = {};
  for (const entry of spec.env) {
    const at = entry.indexOf('=');
    env[entry.slice(0, at)] = entry.slice(at + 1);
  }
  process.umask(0o022);
  calls.changeRoot(spec.tree);
  process.chdir(spec.cwd);
  process.setgroups?.([...spec.groups]);
  process.setgid?.(spec.gid);
  process.setuid?.(spec.uid);
  process.execve?.(spec.program, [...spec.args], env);
}
