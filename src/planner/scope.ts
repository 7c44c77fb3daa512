// Variables in force at one point of a stage: an immutable ordered map. Setting a name moves it to
// the end, which is the order in which a RUN sees its environment (checked against BuildKit).

/** How many settings are kept as a list before they are folded into a map. */
const FOLD_AFTER = 32;

export class Scope {
  static readonly empty = new Scope(new Map(), []);

  readonly #base: ReadonlyMap<string, string>;
  readonly #recent: readonly (readonly [name: string, value: string])[];

  private constructor(base: ReadonlyMap<string, string>, recent: readonly (readonly [string, string])[]) {
    this.#base = base;
    this.#recent = recent;
  }

  static from(pairs: Iterable<readonly [string, string]>): Scope {
    return new Scope(foldInto(new Map(), pairs), []);
  }

  get(name: string): string | undefined {
    for (let at = this.#recent.length - 1; at >= 0; at--) {
      const pair = this.#recent[at];
      if (pair?.[0] === name) return pair[1];
    }
    return this.#base.get(name);
  }

  with(name: string, value: string): Scope {
    const recent = [...this.#recent, [name, value] as const];
    return recent.length < FOLD_AFTER ? new Scope(this.#base, recent) : new Scope(foldInto(new Map(this.#base), recent), []);
  }

  /** Sets many at once, in order. */
  withAll(pairs: readonly (readonly [string, string])[]): Scope {
    return new Scope(foldInto(foldInto(new Map(this.#base), this.#recent), pairs), []);
  }

  /** Upper bound of the number of names, cheap. */
  get size(): number {
    return this.#base.size + this.#recent.length;
  }

  /** In order of the last setting. */
  entries(): [string, string][] {
    return [...foldInto(new Map(this.#base), this.#recent)];
  }

  names(): string[] {
    return this.entries().map(([name]) => name);
  }
}

function foldInto(map: Map<string, string>, pairs: Iterable<readonly [string, string]>): Map<string, string> {
  for (const [name, value] of pairs) {
    map.delete(name);
    map.set(name, value);
  }
  return map;
}

/** `K=V` as an image config holds it; text without `=` is a name with an empty value. */
export function splitEnv(text: string): [string, string] {
  const at = text.indexOf('=');
  return at === -1 ? [text, ''] : [text.slice(0, at), text.slice(at + 1)];
}
