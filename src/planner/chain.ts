// An immutable list that only grows. Appending costs the same however long it is, and lists that
// begin alike share their beginning: history and labels of a chain of stages.

export class Chain<T> {
  readonly #before: Chain<T> | null;
  readonly #items: readonly T[];
  readonly length: number;

  private constructor(before: Chain<T> | null, items: readonly T[]) {
    this.#before = before;
    this.#items = items;
    this.length = (before?.length ?? 0) + items.length;
  }

  static of<T>(items: readonly T[]): Chain<T> {
    return new Chain<T>(null, items);
  }

  append(items: readonly T[]): Chain<T> {
    return items.length === 0 ? this : new Chain(this, items);
  }

  toArray(): T[] {
    const parts: (readonly T[])[] = [];
    for (let at: Chain<T> | null = this; at !== null; at = at.#before) parts.push(at.#items);
    return parts.reverse().flat();
  }
}
