// Names of the result: those of -t, else those an output gives itself, as in buildx.
import { TsbuildError } from '../../core/errors.ts';
import { formatReference, parseReference, type Reference, withDefaultTag } from '../../core/reference.ts';
import type { BuildRequest, ImageForm } from '../request/build-request.ts';

/** Normalised and with a tag, without repetitions, in the order given. */
export function namesOf(request: BuildRequest, output: ImageForm): readonly Reference[] {
  const byName = new Map<string, Reference>();
  for (const text of request.tags.length > 0 ? request.tags : output.names) {
    const reference = withDefaultTag(parseReference(text));
    if (reference.digest !== undefined) {
      throw new TsbuildError({ code: 'build/output', message: `${text}: an image cannot be named by digest`, hint: 'name it NAME[:TAG]' });
    }
    byName.set(formatReference(reference), reference);
  }
  return [...byName.values()];
}
