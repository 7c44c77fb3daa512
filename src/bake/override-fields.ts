// What each key of --set changes in a target. A value replaces what the definition says, `+=` adds to it;
// annotations, attestations and entitlements are always added, as buildx does.
import { ATTEST, CACHE, type EntryKind, EXPORT, SECRET, SSH } from './attributes/entries.ts';
import { EntryProblem } from './attributes/key-values.ts';
import type { TargetFields } from './bake-target.ts';

export interface Override {
  readonly values: string[];
  /** Some values were given with `+=` only. */
  append: boolean;
}

/** The values of one key, in the forms that fields have. */
export class GivenValues {
  readonly values: readonly string[];
  /** Of `args.NAME`; '' for keys without. */
  readonly #name: string;
  readonly #append: boolean;

  constructor(name: string, { values, append }: Override) {
    this.#name = name;
    this.values = values;
    this.#append = append;
  }

  get last(): string {
    return this.values.at(-1) ?? '';
  }

  /** Throws EntryProblem. */
  get lastBool(): boolean {
    return boolOf(this.last);
  }

  texts(before: readonly string[] = []): readonly string[] {
    return [...(this.#append ? before : []), ...this.values];
  }

  entries<T>(kind: EntryKind<T>, before: readonly T[] = []): readonly T[] {
    return [...(this.#append ? before : []), ...this.values.filter((value) => value !== '').map((value) => kind.fromText(value))];
  }

  member<T>(before: ReadonlyMap<string, T | string> = new Map()): ReadonlyMap<string, T | string> {
    return new Map([...before, [this.#name, this.last]]);
  }
}

type Change = (fields: TargetFields, given: GivenValues) => Partial<TargetFields>;

/** Keys that are written with a name: `args.NAME`. */
export const NAMED_KEYS: readonly string[] = ['args', 'contexts', 'labels', 'extra-hosts', 'x-tsbuild'];

export const CHANGES: Readonly<Record<string, Change>> = {
  args: ({ args }, given) => ({ args: given.member(args) }),
  contexts: ({ contexts }, given) => ({ contexts: given.member(contexts) }),
  labels: ({ labels }, given) => ({ labels: given.member(labels) }),
  'extra-hosts': ({ extraHosts }, given) => ({ extraHosts: given.member(extraHosts) }),
  'x-tsbuild': ({ extension }, given) => ({ extension: given.member(extension) }),
  annotations: ({ annotations = [] }, given) => ({ annotations: [...annotations, ...given.values] }),
  attest: ({ attest = [] }, given) => ({ attest: [...attest, ...given.entries(ATTEST)] }),
  'cache-from': ({ cacheFrom }, given) => ({ cacheFrom: given.entries(CACHE, cacheFrom) }),
  'cache-to': ({ cacheTo }, given) => ({ cacheTo: given.entries(CACHE, cacheTo) }),
  call: (_, { last }) => ({ call: last }),
  context: (_, { last }) => ({ context: last }),
  dockerfile: (_, { last }) => ({ dockerfile: last }),
  entitlements: ({ entitlements = [] }, given) => ({ entitlements: [...entitlements, ...given.values] }),
  // Change what the others left of the outputs: overrides.ts.
  load: () => ({}),
  network: (_, { last }) => ({ network: last }),
  'no-cache': (_, { lastBool }) => ({ noCache: lastBool }),
  'no-cache-filter': ({ noCacheFilter }, given) => ({ noCacheFilter: given.texts(noCacheFilter) }),
  output: ({ output }, given) => ({ output: given.entries(EXPORT, output) }),
  platform: ({ platforms }, given) => ({ platforms: given.texts(platforms) }),
  pull: (_, { lastBool }) => ({ pull: lastBool }),
  push: () => ({}),
  secrets: ({ secret }, given) => ({ secret: given.entries(SECRET, secret) }),
  'shm-size': (_, { last }) => ({ shmSize: last }),
  ssh: ({ ssh }, given) => ({ ssh: given.entries(SSH, ssh) }),
  tags: ({ tags }, given) => ({ tags: given.texts(tags) }),
  target: (_, { last }) => ({ target: last }),
  ulimits: ({ ulimits }, given) => ({ ulimits: given.texts(ulimits) }),
};

/** Throws EntryProblem. */
export function boolOf(text: string): boolean {
  if (/^(1|t|T|true|TRUE|True)$/.test(text)) return true;
  if (/^(0|f|F|false|FALSE|False)$/.test(text)) return false;
  throw new EntryProblem(`${JSON.stringify(text)} is not true or false`);
}
