// The Env of an image while ENV adds to it: the list of the base stays as it is, and what was set
// above it is kept apart, shared with the stages below.
import { OrderedMap } from './ordered-map.ts';

/** `K=V` as an image config holds it; text without `=` is a name with an empty value. */
export function splitEnv(text: string): [string, string] {
  const at = text.indexOf('=');
  return at === -1 ? [text, ''] : [text.slice(0, at), text.slice(at + 1)];
}

/** A variable with its text in lists, which steps of many stages share. */
export interface Setting {
  readonly value: string;
  /** `K=V`. */
  readonly pair: string;
}

export const setting = (name: string, value: string): Setting => ({ value, pair: `${name}=${value}` });

/** A list as a base image has it; images are not trusted to name a variable once. */
interface BaseEnv {
  readonly list: readonly string[];
  /** Index of the first entry of a name: the one that ENV changes. */
  readonly first: ReadonlyMap<string, number>;
  /** Value of the last entry of a name: the one that a stage starts with. */
  readonly last: ReadonlyMap<string, string>;
  /** Names with several entries: setting the first one is in vain. */
  readonly repeated: ReadonlySet<string>;
  /** Every entry has the form `K=V` and a name of its own, as it should be. */
  readonly regular: boolean;
}

function readBase(list: readonly string[]): BaseEnv {
  const first = new Map<string, number>();
  const last = new Map<string, string>();
  const repeated = new Set<string>();
  for (const [at, pair] of list.entries()) {
    const [name, value] = splitEnv(pair);
    if (first.has(name)) repeated.add(name);
    else first.set(name, at);
    last.set(name, value);
  }
  return { list, first, last, repeated, regular: repeated.size === 0 && list.every((pair) => pair.includes('=')) };
}

export class ImageEnv {
  static readonly empty = ImageEnv.of([]);

  readonly #base: BaseEnv;
  readonly #set: OrderedMap<Setting>;
  /** Every RUN of a stage asks for it. */
  #list: readonly string[] | undefined;

  private constructor(base: BaseEnv, set: OrderedMap<Setting>) {
    this.#base = base;
    this.#set = set;
  }

  static of(list: readonly string[]): ImageEnv {
    return new ImageEnv(readBase(list), OrderedMap.empty());
  }

  /** Upper bound of the number of names. */
  get size(): number {
    return this.#base.last.size + this.#set.size;
  }

  /** An existing name keeps its place. */
  with(name: string, value: Setting): ImageEnv {
    return new ImageEnv(this.#base, this.#set.with(name, value));
  }

  /** What a stage on this image starts with. */
  get(name: string): string | undefined {
    const { last, repeated } = this.#base;
    return repeated.has(name) ? last.get(name) : (this.#set.get(name)?.value ?? last.get(name));
  }

  /** `K=V` in order. */
  toList(): readonly string[] {
    const list = [...this.#base.list];
    for (const [name, { pair }] of this.#set.entries()) list[this.#base.first.get(name) ?? list.length] = pair;
    return list;
  }

  /** What a stage starts with, `K=V` in order, without the names of `others`. */
  startPairs(others: OrderedMap<Setting>): readonly string[] {
    this.#list ??= this.toList();
    const list = this.#list;
    if (this.#base.regular && !others.keys().some((name) => this.get(name) !== undefined)) return list;
    const start = new Map<string, string>();
    for (const [name, value] of list.map(splitEnv)) {
      start.delete(name);
      if (!others.has(name)) start.set(name, `${name}=${value}`);
    }
    return [...start.values()];
  }

  names(): string[] {
    return [...this.#base.last.keys(), ...this.#set.keys()];
  }
}
