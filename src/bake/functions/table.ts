// Every function that bake files can call. Those that need the time or the user's home get them here.
import { stringValue } from '../cty/value.ts';
import type { BakeFunction } from '../eval/scope.ts';
import { define } from './arguments.ts';
import { COLLECTION_FUNCTIONS } from './collections.ts';
import { ENCODING_FUNCTIONS } from './encoding.ts';
import { FORMAT_FUNCTIONS } from './format.ts';
import { LAZY_FUNCTIONS } from './lazy.ts';
import { NETWORK_FUNCTIONS } from './networks.ts';
import { NUMBER_FUNCTIONS } from './numbers.ts';
import { REGEX_FUNCTIONS } from './regular-expressions.ts';
import { SET_FUNCTIONS } from './sets.ts';
import { STRING_FUNCTIONS } from './strings.ts';
import { TIME_FUNCTIONS } from './time.ts';

export interface FunctionFacts {
  /** What timestamp() gives: RFC 3339 in UTC. */
  readonly now: string;
  /** What homedir() gives. */
  readonly home: string;
}

export function standardFunctions(facts: FunctionFacts): ReadonlyMap<string, BakeFunction> {
  return new Map<string, BakeFunction>(
    Object.entries({
      ...NUMBER_FUNCTIONS,
      ...STRING_FUNCTIONS,
      ...COLLECTION_FUNCTIONS,
      ...SET_FUNCTIONS,
      ...LAZY_FUNCTIONS,
      ...FORMAT_FUNCTIONS,
      ...REGEX_FUNCTIONS,
      ...ENCODING_FUNCTIONS,
      ...NETWORK_FUNCTIONS,
      ...TIME_FUNCTIONS,
      timestamp: define([], () => stringValue(facts.now)),
      homedir: define([], () => stringValue(facts.home)),
    }),
  );
}
