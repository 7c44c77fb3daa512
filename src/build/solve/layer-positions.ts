// Which positions of layers the builds of one command have in common. Equal stacks are the same Layer
// objects, from whatever image, record or step they came; so what is done on top of one (a step, an
// unpacking) is found by whoever comes to do the same, without asking the store.
import type { Digest } from '../../core/digest.ts';
import { type ChainId, extendChain } from '../../core/digest.ts';
import { SharedTask } from '../shared-task.ts';
import type { Layer, StepTasks } from './layer.ts';

export class LayerPositions {
  readonly #layers = new Map<string, Layer>();
  readonly #onScratch: StepTasks = new Map();

  /** The layer at the top of the stack `chain`; the same content in another compression is another layer. */
  at(chain: ChainId, blob: Digest, make: () => Layer): Layer {
    const key = `${chain} ${blob}`;
    const known = this.#layers.get(key);
    if (known !== undefined) return known;
    const layer = make();
    layer.chain = chain;
    this.#layers.set(key, layer);
    return layer;
  }

  /** A finished layer gets its place, unless another one has it. */
  put(chain: ChainId, blob: Digest, layer: Layer): void {
    this.at(chain, blob, () => layer);
  }

  /** Layers of an image, base first. */
  async stack(layers: readonly Layer[]): Promise<readonly Layer[]> {
    let below: ChainId | null = null;
    const stack: Layer[] = [];
    for (const layer of layers) {
      const { ref } = await layer.made;
      below = extendChain(below, ref.diffId);
      stack.push(this.at(below, ref.blob.digest, () => layer));
    }
    return stack;
  }

  /** The step `key` on top of `base`. */
  step(base: readonly Layer[], key: string): SharedTask<Layer> {
    const top = base.at(-1);
    if (top !== undefined) top.steps ??= new Map();
    const steps = top?.steps ?? this.#onScratch;
    const known = steps.get(key);
    if (known !== undefined) return known;
    const task = new SharedTask<Layer>();
    steps.set(key, task);
    return task;
  }
}
