// An immutable map that remembers in which order its names came. Versions share what they have in
// common: a chain of thousands of stages holds one tree, not thousands of copies.

interface Node<V> {
  readonly key: string;
  readonly value: V;
  /** Grows with every name that is added or moved to the end. */
  readonly place: number;
  readonly height: number;
  readonly left: Node<V> | null;
  readonly right: Node<V> | null;
}

/** An AVL tree by code units: names are chosen by strangers, and no choice of theirs makes it slow. */
export class OrderedMap<V> {
  readonly #root: Node<V> | null;
  readonly #next: number;
  readonly size: number;

  private constructor(root: Node<V> | null, next: number, size: number) {
    this.#root = root;
    this.#next = next;
    this.size = size;
  }

  static empty<V>(): OrderedMap<V> {
    return new OrderedMap<V>(null, 0, 0);
  }

  has(key: string): boolean {
    return find(this.#root, key) !== null;
  }

  get(key: string): V | undefined {
    return find(this.#root, key)?.value;
  }

  /** A name that is there keeps its place. */
  with(key: string, value: V): OrderedMap<V> {
    const place = find(this.#root, key)?.place;
    if (place === undefined) return this.withLast(key, value);
    return new OrderedMap(insert(this.#root, key, value, place), this.#next, this.size);
  }

  /** A name that is there moves to the end. */
  withLast(key: string, value: V): OrderedMap<V> {
    const size = this.has(key) ? this.size : this.size + 1;
    return new OrderedMap(insert(this.#root, key, value, this.#next), this.#next + 1, size);
  }

  entries(): [string, V][] {
    return this.#nodes().map(({ key, value }) => [key, value]);
  }

  keys(): string[] {
    return this.#nodes().map(({ key }) => key);
  }

  values(): V[] {
    return this.#nodes().map(({ value }) => value);
  }

  #nodes(): Node<V>[] {
    const nodes: Node<V>[] = [];
    collect(this.#root, nodes);
    // Mostly every place is taken, and nothing has to be compared.
    if (this.#next > 4 * nodes.length) return nodes.sort((a, b) => a.place - b.place);
    const places: (Node<V> | undefined)[] = Array(this.#next).fill(undefined);
    for (const node of nodes) places[node.place] = node;
    return places.filter((node) => node !== undefined);
  }
}

function find<V>(root: Node<V> | null, key: string): Node<V> | null {
  let node = root;
  while (node !== null && node.key !== key) node = key < node.key ? node.left : node.right;
  return node;
}

/** As deep as the tree is high, which is twenty for a million names. */
function collect<V>(node: Node<V> | null, into: Node<V>[]): void {
  if (node === null) return;
  collect(node.left, into);
  into.push(node);
  collect(node.right, into);
}

const heightOf = (node: Node<unknown> | null): number => node?.height ?? 0;

const withChildren = <V>({ key, value, place }: Node<V>, left: Node<V> | null, right: Node<V> | null): Node<V> => ({
  key,
  value,
  place,
  left,
  right,
  height: Math.max(heightOf(left), heightOf(right)) + 1,
});

function insert<V>(node: Node<V> | null, key: string, value: V, place: number): Node<V> {
  if (node === null) return { key, value, place, height: 1, left: null, right: null };
  if (key === node.key) return { ...node, value, place };
  if (key < node.key) return balanced(node, insert(node.left, key, value, place), node.right);
  return balanced(node, node.left, insert(node.right, key, value, place));
}

/** Rotates so that the heights of the children differ by one at most. */
function balanced<V>(node: Node<V>, left: Node<V> | null, right: Node<V> | null): Node<V> {
  if (left !== null && heightOf(left) > heightOf(right) + 1) {
    const pivot = heightOf(left.left) >= heightOf(left.right) ? left : turnedLeft(left);
    return withChildren(pivot, pivot.left, withChildren(node, pivot.right, right));
  }
  if (right !== null && heightOf(right) > heightOf(left) + 1) {
    const pivot = heightOf(right.right) >= heightOf(right.left) ? right : turnedRight(right);
    return withChildren(pivot, withChildren(node, left, pivot.left), pivot.right);
  }
  return withChildren(node, left, right);
}

/** The right child becomes the parent. */
function turnedLeft<V>(node: Node<V>): Node<V> {
  const { right } = node;
  return right === null ? node : withChildren(right, withChildren(node, node.left, right.left), right.right);
}

/** The left child becomes the parent. */
function turnedRight<V>(node: Node<V>): Node<V> {
  const { left } = node;
  return left === null ? node : withChildren(left, left.left, withChildren(node, left.right, node.right));
}
