// Names of the result: those of -t, else those an output gives itself, as in buildx.
import { TsbuildError } from '../../core/errors.ts';
import { formatReference, parseReference, type Reference, withDefaultTag } from '../../core/reference.ts';
import type { BuildRequest, ImageForm } from '../request/build-request.ts';

/** Normalised, without repetitions, in the order given; with a tag, but for what is pushed by its digest alone (E-07). */
export function namesOf(request: BuildRequest, output: ImageForm & { readonly pushByDigest?: boolean }): readonly Reference[] {
  const byName = new Map<string, Reference>();
  for (const text of request.tags.length > 0 ? request.tags : output.names) {
    const reference = parseReference(text);
    if (reference.digest !== undefined) {
      throw new TsbuildError({ code: 'build/output', message: `${text}: an image cannot be named by digest`, hint: 'name it NAME[:TAG]' });
    }
    const byDigest = output.pushByDigest === true;
    if (byDigest && reference.tag !== undefined) {
      const hint = 'leave the tag out, or push-by-digest=true';
      throw new TsbuildError({ code: 'build/output', message: `${text}: what is pushed by digest has no tag`, hint });
    }
    const name = byDigest ? reference : withDefaultTag(reference);
    byName.set(formatReference(name), name);
  }
  return [...byName.values()];
}
