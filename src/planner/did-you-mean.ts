// The hint of a diagnostic about an unknown name (P-22).
import { suggest } from '../core/suggest.ts';

/** To spread into a diagnostic: the member is absent when nothing is near. */
export function didYouMean(name: string, candidates: Iterable<string>): { readonly hint?: string } {
  const found = suggest(name, candidates);
  return found === null ? {} : { hint: `did you mean ${found}?` };
}
