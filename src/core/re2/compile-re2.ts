// Syntax tree → program of a machine that follows all ways through the expression at once. Ways are in
// order of preference, which gives the leftmost match that Perl would find first.
import { setTest } from './char-set.ts';
import { type Assertion, type Re2Node, Re2Problem } from './re2-node.ts';

export type Instruction =
  | { readonly type: 'char'; readonly test: (code: number) => boolean; next: number }
  | { readonly type: 'assertion'; readonly assertion: Assertion; next: number }
  | { readonly type: 'save'; readonly slot: number; next: number }
  /** `next` is preferred. */
  | { readonly type: 'split'; next: number; other: number }
  | { readonly type: 'match' };

/** An expression that unfolds to more is refused. */
const LARGEST = 100_000;

/** Throws Re2Problem. Execution begins at `start`. */
export function compileRe2(node: Re2Node): { readonly program: readonly Instruction[]; readonly start: number } {
  const program: Instruction[] = [];
  const add = (instruction: Instruction): number => {
    if (program.length >= LARGEST) throw new Re2Problem('is too large');
    return program.push(instruction) - 1;
  };
  const match = add({ type: 'match' });
  return { program, start: new Compiler(add, program).compile(node, match) };
}

class Compiler {
  readonly #add: (instruction: Instruction) => number;
  readonly #program: Instruction[];

  constructor(add: (instruction: Instruction) => number, program: Instruction[]) {
    this.#add = add;
    this.#program = program;
  }

  /** Where to begin to match `node` and then go on at `next`. */
  compile(node: Re2Node, next: number): number {
    switch (node.type) {
      case 'empty':
        return next;
      case 'set':
        return this.#add({ type: 'char', test: setTest(node.set), next });
      case 'assertion':
        return this.#add({ type: 'assertion', assertion: node.assertion, next });
      case 'sequence':
        return node.items.reduceRight((after, item) => this.compile(item, after), next);
      case 'choice':
        return node.items
          .map((item) => this.compile(item, next))
          .reduceRight((other, first) => this.#add({ type: 'split', next: first, other }));
      case 'group': {
        const end = this.#add({ type: 'save', slot: 2 * node.index + 1, next });
        return this.#add({ type: 'save', slot: 2 * node.index, next: this.compile(node.inner, end) });
      }
      case 'repeat':
        return this.#repeat(node, next);
    }
  }

  #repeat({ inner, min, max, greedy }: Extract<Re2Node, { type: 'repeat' }>, next: number): number {
    let at = next;
    if (max === null) at = min === 0 ? this.#star(inner, greedy, next) : this.#plus(inner, greedy, next);
    else for (let optional = min; optional < max; optional += 1) at = this.#option(this.compile(inner, at), next, greedy);
    const copies = max === null ? Math.max(0, min - 1) : min;
    for (let copy = 0; copy < copies; copy += 1) at = this.compile(inner, at);
    return at;
  }

  #option(taken: number, skipped: number, greedy: boolean): number {
    return this.#add({ type: 'split', next: greedy ? taken : skipped, other: greedy ? skipped : taken });
  }

  /** What can match nothing is repeated as `(x+)?`: one split is not enough to keep the order of ways. */
  #star(inner: Re2Node, greedy: boolean, next: number): number {
    if (canBeEmpty(inner)) return this.#option(this.#plus(inner, greedy, next), next, greedy);
    return this.#loop(inner, greedy, next).split;
  }

  #plus(inner: Re2Node, greedy: boolean, next: number): number {
    return this.#loop(inner, greedy, next).body;
  }

  #loop(inner: Re2Node, greedy: boolean, next: number): { readonly split: number; readonly body: number } {
    const split = this.#option(next, next, greedy);
    const body = this.compile(inner, split);
    const instruction = this.#program[split];
    if (instruction?.type === 'split') instruction[greedy ? 'next' : 'other'] = body;
    return { split, body };
  }
}

function canBeEmpty(node: Re2Node): boolean {
  switch (node.type) {
    case 'set':
      return false;
    case 'empty':
    case 'assertion':
      return true;
    case 'sequence':
      return node.items.every(canBeEmpty);
    case 'choice':
      return node.items.some(canBeEmpty);
    case 'group':
      return canBeEmpty(node.inner);
    case 'repeat':
      return node.min === 0 || canBeEmpty(node.inner);
  }
}
