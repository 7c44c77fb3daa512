// Writing to a directory that a flag names.
import { errnoOf, messageOf, TsbuildError } from '../../core/errors.ts';

/** What `body` returns; what the system refuses is the error 'build/output', which names the flag and the directory. */
export function writingTo<T>(flag: string, directory: string, body: () => T): T {
  try {
    return body();
  } catch (cause) {
    if (cause instanceof TsbuildError) throw cause;
    throw new TsbuildError({
      code: 'build/output',
      message: `${flag}: cannot write ${directory} (${errnoOf(cause) ?? messageOf(cause)})`,
      hint: 'choose another directory',
      cause,
    });
  }
}
