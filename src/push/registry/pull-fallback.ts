// Asking several sources for the same thing: the first that has it wins; when none has, the registry's own
// answer counts, and what its mirrors said is added.
import { TsbuildError } from '../../core/errors.ts';
import type { PullSource } from './pull-sources.ts';

/** Errors of the store, and everything that is no TsbuildError (aborts), end the search: another source would not help. */
export async function firstSource<T>(
  sources: readonly PullSource[],
  preferred: PullSource | undefined,
  task: (source: PullSource) => Promise<T>,
): Promise<{ readonly result: T; readonly source: PullSource }> {
  const isPreferred = ({ domain, path }: PullSource): boolean => domain === preferred?.domain && path === preferred.path;
  const ordered = sources.toSorted((a, b) => Number(isPreferred(b)) - Number(isPreferred(a)));
  const failures: { readonly source: PullSource; readonly error: TsbuildError }[] = [];
  for (const source of ordered) {
    try {
      return { result: await task(source), source };
    } catch (error) {
      if (!(error instanceof TsbuildError) || error.code.startsWith('store/')) throw error;
      failures.push({ source, error });
    }
  }
  const own = failures.find(({ source }) => !source.isMirror)?.error ?? failures.at(-1)?.error;
  if (own === undefined) throw new TsbuildError({ code: 'registry/bad-config', message: 'registries.conf leaves no place to pull from' });
  const mirrors = failures.filter(({ error }) => error !== own).map(({ error }) => error.message);
  throw mirrors.length === 0 ? own : withMirrors(own, mirrors);
}

const withMirrors = (own: TsbuildError, mirrors: readonly string[]): TsbuildError =>
  new TsbuildError({
    code: own.code,
    message: `${own.message}; mirrors failed before: ${mirrors.join('; ')}`,
    ...(own.hint !== undefined && { hint: own.hint }),
    cause: own,
    data: { ...own.data, mirrors },
  });
