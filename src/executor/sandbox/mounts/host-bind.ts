// Files and directories of the host in a container of `tsbuild run`. Builds have none. The source has been
// resolved by the caller; it is opened without following a link that took its place since.
import { closeSync, constants, fstatSync, openSync } from 'node:fs';
import { errnoOf, TsbuildError } from '../../../core/errors.ts';
import { fsPath } from '../../../core/path-bytes.ts';
import type { HostBind } from '../../executor.ts';
import type { StepScope } from '../step-scope.ts';
import type { MountContent } from './mount-content.ts';

const O_PATH = 0o10000000;

/** Error: 'exec/mount-source'. */
export function prepareHostBind(scope: StepScope, bind: HostBind): MountContent {
  const fd = open(bind);
  try {
    const kind = fstatSync(fd).isDirectory() ? 'dir' : 'file';
    const { path } = scope.mountDescriptor(fd, kind);
    return {
      kind,
      hostPath: path,
      options: bind.readonly ? ['rbind', 'ro', ...(kind === 'dir' ? ['rro'] : [])] : ['rbind', 'rw'],
      growable: !bind.readonly,
    };
  } finally {
    closeSync(fd);
  }
}

function open(bind: HostBind): number {
  try {
    return openSync(fsPath(bind.source), O_PATH | constants.O_NOFOLLOW);
  } catch (cause) {
    throw new TsbuildError({
      code: 'exec/mount-source',
      message: `volume ${bind.source}: cannot be opened (${errnoOf(cause) ?? String(cause)})`,
      hint: 'The path must exist on this machine and be accessible to the user who runs.',
      cause,
    });
  }
}
