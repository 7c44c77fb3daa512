// Work outside the graph that is shown like a step: pulls, contexts, imports, the export.
import { messageOf } from '../core/errors.ts';
import type { VertexInfo } from '../core/events.ts';
import type { Session } from './session.ts';

/** Reports the begin and the end of `work`, its failure included. `cached`: whether the result was there already. */
export async function asVertex<T>(
  { emit, clock }: Pick<Session, 'emit' | 'clock'>,
  vertex: VertexInfo,
  work: () => Promise<T>,
  cached: (result: T) => boolean = () => false,
): Promise<T> {
  emit({ type: 'vertex-started', vertex, time: clock() });
  try {
    const result = await work();
    emit({ type: 'vertex-finished', vertex, cached: cached(result), time: clock() });
    return result;
  } catch (error) {
    emit({ type: 'vertex-finished', vertex, cached: false, error: messageOf(error), time: clock() });
    throw error;
  }
}
