// Files that a user asked for: how they come to be whole, and what to say when they cannot be written.
import { randomUUID } from 'node:crypto';
import { errnoOf, TsbuildError } from '../../core/errors.ts';

/** Beside `path`, and of one writer alone: outputs of one process may share a directory. */
export const temporaryBeside = (path: string): string => `${path}.${randomUUID()}.tmp`;

export const notWritable = (path: string, error: unknown): TsbuildError =>
  new TsbuildError({
    code: 'image/output-not-writable',
    message: `cannot write ${path}: ${errnoOf(error) ?? String(error)}`,
    hint: 'choose another destination, or make this one writable',
    cause: error,
    data: { path },
  });
