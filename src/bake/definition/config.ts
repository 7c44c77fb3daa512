// What definition files say, before targets are asked for: groups and targets by name, in order of
// appearance. Compose files come first, then HCL and JSON on top.
import type { SourceFile, Span } from '../../core/span.ts';
import type { BakeGroup, TargetFields } from '../bake-target.ts';
import { mergeTarget } from './merge-target.ts';

export interface Place {
  readonly file: SourceFile;
  readonly span: Span;
}

export interface Config {
  readonly groups: Map<string, BakeGroup>;
  readonly targets: Map<string, TargetFields>;
  /** Where a target is defined, the first time. */
  readonly places: Map<string, Place>;
  readonly groupPlaces: Map<string, Place>;
}

export const emptyConfig = (): Config => ({ groups: new Map(), targets: new Map(), places: new Map(), groupPlaces: new Map() });

export function addTarget(config: Config, name: string, fields: TargetFields, place: Place | null): void {
  const known = config.targets.get(name);
  config.targets.set(name, known === undefined ? fields : mergeTarget(known, fields));
  if (place !== null && !config.places.has(name)) config.places.set(name, place);
}
