// The environment of a step: what the op says, then what lies outside its identity, then secrets
// wanted as variables, the ssh agent, and HOME.
import type { RunRequest } from '../executor.ts';
import { secretVariables } from './mounts/secret-mount.ts';
import { agentVariable } from './mounts/ssh-mount.ts';

/** An empty HOME is none: runtimes set it all the same. */
export const hasHome = (request: RunRequest): boolean =>
  [...request.op.env, ...request.extraEnv].some((entry) => entry.startsWith('HOME=') && entry !== 'HOME=');

/** Later entries win; each name once, at its first position. */
export function environment(request: RunRequest, home: () => string): string[] {
  const values = new Map<string, string>();
  const add = (entry: string): void => {
    const at = entry.indexOf('=');
    values.set(at === -1 ? entry : entry.slice(0, at), at === -1 ? '' : entry.slice(at + 1));
  };
  for (const entry of [...request.op.env, ...request.extraEnv]) add(entry);
  const present = new Set(values.keys());
  for (const entry of [...secretVariables(request, present), ...agentVariable(request, present)]) add(entry);
  if ((values.get('HOME') ?? '') === '') add(`HOME=${home()}`);
  return [...values].map(([name, value]) => `${name}=${value}`);
}
