// Writing to a directory that a flag names.
import { resolve } from 'node:path';
import { errnoOf, messageOf, TsbuildError } from '../../core/errors.ts';
import type { Session } from '../session.ts';

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

/** Runs `body` while no other process or target with this store writes to the layout: each keeps the entries of the others. */
export const holdLayout = (
  { leases, signal }: Pick<Session, 'leases' | 'signal'>,
  directory: string,
  body: () => Promise<void>,
): Promise<void> => leases.hold(`layout ${resolve(directory)}`, body, signal);
