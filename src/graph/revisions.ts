// What tsbuild makes of a step, as a number that belongs to its cache key. Whoever changes what steps of a kind
// leave (which files, their content, owners, modes or times, or how a layer holds them) raises its number:
// layers that older versions made are then made again instead of being shipped.
// test/differential/revisions.test.ts fails when recorded results change without it.
import type { Op } from './op.ts';

export type StepKind = 'RUN' | 'COPY' | 'ADD' | 'WORKDIR';

export const REVISIONS: Readonly<Record<StepKind, number>> = { RUN: 2, COPY: 2, ADD: 2, WORKDIR: 2 };

/** Undefined for sources, which are known by their content. */
export function revisionOf(op: Op): number | undefined {
  switch (op.type) {
    case 'exec':
      return REVISIONS.RUN;
    case 'copy':
      return REVISIONS[op.keyword];
    case 'mkdir':
      return REVISIONS.WORKDIR;
    default:
      return undefined;
  }
}
