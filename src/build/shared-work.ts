// What the builds of one command share besides the session: registries, base images, directories, layers
// and the steps on them. A single build has one of its own, the targets of a bake have one together
// (ADR 0008).
import pLimit, { type LimitFunction } from 'p-limit';
import { OpenDirectories } from '../context/open-directories.ts';
import { type KnownImages, noImages } from './base-images.ts';
import { RegistryAccess } from './registry-access.ts';
import type { RemoteTasks } from './remote/remote-sources.ts';
import type { Session } from './session.ts';
import { type Admission, machineAdmission } from './solve/admission.ts';
import { LayerPositions } from './solve/layer-positions.ts';
import { SelectionContents } from './solve/selection-content.ts';

export interface SharedWork {
  readonly registry: RegistryAccess;
  readonly images: KnownImages;
  readonly directories: OpenDirectories;
  readonly contents: SelectionContents;
  readonly layers: LayerPositions;
  readonly remotes: RemoteTasks;
  readonly admission: Admission;
  /** Layers of steps that ended, being packed. */
  readonly packing: LimitFunction;
  close(): Promise<void>;
}

/** More at a time only take memory from each other: packing takes processors. */
const PACKED_AT_ONCE = 8;

export function openSharedWork(session: Session, admission = machineAdmission()): SharedWork {
  const registry = new RegistryAccess(session);
  let contents: SelectionContents | null = null;
  return {
    registry,
    images: noImages(),
    directories: new OpenDirectories(),
    // Made when asked for: the index opens the store.
    get contents() {
      contents ??= new SelectionContents(session.index);
      return contents;
    },
    layers: new LayerPositions(),
    remotes: new Map(),
    admission,
    packing: pLimit(PACKED_AT_ONCE),
    close: () => registry.close(),
  };
}
