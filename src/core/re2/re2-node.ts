// Syntax tree of a regular expression of RE2.
import type { CharSet } from './char-set.ts';

export type Assertion = 'text-start' | 'text-end' | 'line-start' | 'line-end' | 'word-boundary' | 'no-word-boundary';

export type Re2Node =
  | { readonly type: 'empty' }
  | { readonly type: 'set'; readonly set: CharSet }
  | { readonly type: 'assertion'; readonly assertion: Assertion }
  | { readonly type: 'sequence'; readonly items: readonly Re2Node[] }
  | { readonly type: 'choice'; readonly items: readonly Re2Node[] }
  /** `index` counts from 1, in the order of the opening parentheses. */
  | { readonly type: 'group'; readonly index: number; readonly inner: Re2Node }
  | { readonly type: 'repeat'; readonly inner: Re2Node; readonly min: number; readonly max: number | null; readonly greedy: boolean };

export interface Re2Syntax {
  readonly node: Re2Node;
  /** Names of groups, null for those without; the first is group 1. */
  readonly groups: readonly (string | null)[];
}

/** Why a text is no regular expression, in words that go on after "the pattern". */
export class Re2Problem extends Error {
  override readonly name = 'Re2Problem';
}

export const EMPTY: Re2Node = { type: 'empty' };

export function sequenceOf(items: readonly Re2Node[]): Re2Node {
  const [only] = items;
  return items.length === 0 || only === undefined ? EMPTY : items.length === 1 ? only : { type: 'sequence', items };
}
