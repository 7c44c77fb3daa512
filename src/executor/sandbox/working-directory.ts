// The working directory of a step: made when missing, 0755 and owned by the step's user. It is
// resolved before the step runs; anything that leads into /proc is refused, because a link to one of
// the runtime's own descriptors there would be a way out (CVE-2024-21626).
import { chmodSync, mkdirSync } from 'node:fs';
import { TsbuildError } from '../../core/errors.ts';
import { fsPath } from '../../core/path-bytes.ts';
import type { ContainerView } from './container-view.ts';
import { giveTo } from './mounts/secret-mount.ts';
import type { StepScope } from './step-scope.ts';
import type { StepUser } from './user-lookup.ts';

/** Returns the directory without links. `view` must show the writable root. Error: 'exec/working-directory'. */
export function createWorkingDirectory(scope: StepScope, view: ContainerView, cwd: string, user: StepUser): string {
  const { path, stat } = view.resolve(cwd);
  const refuse = (why: string): never => {
    throw new TsbuildError({ code: 'exec/working-directory', message: `working directory ${cwd}: ${why}`, hint: 'Set another WORKDIR.' });
  };
  if (path.startsWith('/proc/')) refuse('it leads into /proc');
  if (stat !== null) {
    if (!stat.isDirectory()) refuse('not a directory');
    return path;
  }
  for (let end = path.indexOf('/', 1); ; end = path.indexOf('/', end + 1)) {
    const directory = end === -1 ? path : path.slice(0, end);
    makeDirectory(scope, view, directory, user, refuse);
    if (end === -1) return path;
  }
}

function makeDirectory(scope: StepScope, view: ContainerView, path: string, user: StepUser, refuse: (why: string) => never): void {
  const stat = view.lstat(path);
  if (stat !== null && !stat.isDirectory()) refuse(`${path} is not a directory`);
  const host = view.hostPath(path);
  // In /dev, /sys or a tmpfs the runtime makes it when everything is mounted.
  if (stat !== null || host === null) return;
  mkdirSync(fsPath(host));
  chmodSync(fsPath(host), 0o755);
  giveTo(scope, host, user.uid, user.gid);
}
