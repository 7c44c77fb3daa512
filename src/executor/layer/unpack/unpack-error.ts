// The error 'exec/layer-unpack': the layer contradicts itself, or the system refused.
import { errnoOf, TsbuildError } from '../../../core/errors.ts';

export function refused(path: string, why: string): TsbuildError {
  return new TsbuildError({
    code: 'exec/layer-unpack',
    message: `cannot unpack ${JSON.stringify(path)}: ${why}`,
    hint: 'the layer contradicts itself or the layers below it; pull or build the image again',
    data: { path },
  });
}

export function unpackError(error: unknown, path: string): unknown {
  const errno = errnoOf(error);
  if (error instanceof TsbuildError || errno === undefined) return error;
  const full = errno === 'ENOSPC' || errno === 'EDQUOT';
  const hint = full
    ? 'free some space, for example with `tsbuild prune`'
    : errno === 'EINVAL' || errno === 'EPERM'
      ? 'the owner may lie outside the mapped ids: give the user a larger range in /etc/subuid and /etc/subgid'
      : 'check the rights and the state of the disk that holds the store';
  return new TsbuildError({
    code: full ? 'store/disk-full' : 'exec/layer-unpack',
    message: `cannot unpack ${JSON.stringify(path)}: ${full ? 'no space left on device' : errno}`,
    hint,
    cause: error,
    data: { path, errno },
  });
}
