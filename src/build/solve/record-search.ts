// Which records of the store stand in for a step here, and which tell why none does.
import type { BuildRecord } from '../../cache/build-index.ts';
import type { CacheKey, ChainId } from '../../core/digest.ts';
import type { Refusals } from '../../executor/step-refusals.ts';
import { BASE, type VertexKey } from '../../graph/cache-key.ts';
import type { Vertex } from '../../graph/vertex.ts';
import type { Session } from '../session.ts';
import { isExpired } from './record-age.ts';
import { RefusalsHere } from './refusals-here.ts';
import { isLinked, slotGroupOf, slotOf } from './selections.ts';

/** Key of a vertex whose step is refused this. */
export type KeyOf = (refused: Refusals) => VertexKey;

export interface FoundRecord extends VertexKey {
  readonly refused: Refusals;
  readonly record: BuildRecord;
}

/** Earlier records of a step that are compared with it: the nearest may be of a branch that was built long ago. */
const NEIGHBOURS = 32;

export class RecordSearch {
  readonly #session: Session;
  /** Newest records by slot group, as they were before this build made some itself. */
  readonly #groups = new Map<string, readonly BuildRecord[]>();
  readonly refusals: RefusalsHere;

  constructor(session: Session) {
    this.#session = session;
    this.refusals = new RefusalsHere(session);
  }

  /** `below`: the layers that the step stands on, undefined while they are not known. `from`: the trees that it reads. */
  find(vertex: Vertex, keyOf: KeyOf, below: ChainId | null | undefined, from?: string): Promise<FoundRecord | null> {
    return this.refusals.find(vertex, (refused) => {
      const named = keyOf(refused);
      const record = this.#usable(vertex, named.key, below, from);
      return record === null ? null : { ...named, refused, record };
    });
  }

  /** A record counts over the very layers it was made on only: these may have been made again since, with other content. */
  #usable(vertex: Vertex, key: CacheKey, below: ChainId | null | undefined, from: string | undefined): BuildRecord | null {
    const { index, blobs, clock } = this.#session;
    const record = index.record(key, from);
    if (record === null || (!isLinked(vertex) && record.below !== below)) return null;
    if (isExpired(vertex, record, clock())) return null;
    return blobs.has(record.blob.digest) || index.locations(record.blob.digest).length > 0 ? record : null;
  }

  /** The time of its record is over: what reads it must not be found by its definition either. */
  hasExpired(vertex: Vertex, key: CacheKey): boolean {
    const record = vertex.meta.ttl === undefined ? null : this.#session.index.record(key);
    return record !== null && isExpired(vertex, record, this.#session.clock());
  }

  /** Earlier records of the step; when it does something else now, those at the same place: over the same base. */
  neighbours(vertex: Vertex, now: VertexKey): readonly BuildRecord[] {
    const { index } = this.#session;
    const same = index.recordsOfSlot(slotOf(vertex), NEIGHBOURS);
    if (same.length > 0) return same;
    const name = slotGroupOf(vertex);
    const group = this.#groups.get(name) ?? index.recordsOfSlotGroup(name, NEIGHBOURS);
    this.#groups.set(name, group);
    return group.filter((record) => record.ingredients[BASE] === now.ingredients[BASE]);
  }
}
