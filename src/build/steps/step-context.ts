// What the steps of one build share besides the session.
import type { LimitFunction } from 'p-limit';
import type { LayerFormat, MountSource, SnapshotId } from '../../executor/executor.ts';
import type { Vertex } from '../../graph/vertex.ts';
import type { FailedStep } from '../debug/failed-step.ts';
import type { SecretSource } from '../request/build-request.ts';
import type { Session } from '../session.ts';
import type { StepLog } from '../solve/step-log.ts';

export interface StepContext {
  readonly session: Session;
  readonly format: LayerFormat;
  readonly packing: LimitFunction;
  readonly secrets: Readonly<Record<string, SecretSource>>;
  readonly ssh: Readonly<Record<string, string>>;
  /** By vertex id: the end of each step's log. */
  readonly logs: Map<string, StepLog>;
  /** Steps whose command failed; their snapshots are kept. Absent: they are discarded at once. */
  readonly failed?: FailedStep[];
  /** First content of a cache mount that is imported, by id. */
  readonly seed?: (id: string) => Promise<SnapshotId | null>;
  mountSource(vertex: Vertex, input: number): Promise<MountSource>;
}
