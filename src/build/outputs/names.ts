// Names of the result: those of -t, and those an output gives itself.
import { TsbuildError } from '../../core/errors.ts';
import { formatReference, parseReference, type Reference, withDefaultTag } from '../../core/reference.ts';
import type { BuildRequest, OutputSpec } from '../build-request.ts';

/** Normalised and with a tag, without repetitions, in the order given. */
export function namesOf(request: BuildRequest, output: OutputSpec): readonly Reference[] {
  const own = 'names' in output ? output.names : [];
  const byName = new Map<string, Reference>();
  for (const text of own.length > 0 ? own : request.tags) {
    const reference = withDefaultTag(parseReference(text));
    if (reference.digest !== undefined) {
      throw new TsbuildError({ code: 'build/output', message: `${text}: an image cannot be named by digest`, hint: 'name it NAME[:TAG]' });
    }
    byName.set(formatReference(reference), reference);
  }
  return [...byName.values()];
}
