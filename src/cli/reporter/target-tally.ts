// What the targets of a bake cost, counted from events: steps, how many of them came from the cache, and
// bytes of layers that were not there before. A step that several targets share was run for the first of
// them and is from the cache for the others.
import type { BuildEvent } from '../../core/events.ts';

export interface TargetCost {
  readonly steps: number;
  readonly cached: number;
  /** Compressed. */
  readonly newBytes: number;
}

const NOTHING: TargetCost = { steps: 0, cached: 0, newBytes: 0 };

export class TargetTally {
  readonly #costs = new Map<string, TargetCost>();

  event(event: BuildEvent): void {
    if (event.type === 'vertex-finished' && event.vertex.stage !== undefined) {
      for (const [at, target] of (event.vertex.targets ?? []).entries())
        this.#add(target, { steps: 1, cached: event.cached || at > 0 ? 1 : 0, newBytes: 0 });
    } else if (event.type === 'progress' && event.action === 'layer' && event.done) {
      const [target] = event.targets ?? [];
      if (target !== undefined) this.#add(target, { ...NOTHING, newBytes: event.current });
    }
  }

  of(target: string): TargetCost {
    return this.#costs.get(target) ?? NOTHING;
  }

  #add(target: string, more: TargetCost): void {
    const { steps, cached, newBytes } = this.of(target);
    this.#costs.set(target, { steps: steps + more.steps, cached: cached + more.cached, newBytes: newBytes + more.newBytes });
  }
}
