// WORKDIR (I-06): missing directories are made, 0755 and owned by USER; one that exists gives an empty
// layer. Links of the image are followed.
import type { SourceTree } from '../../context/source-tree.ts';
import type { MkdirOp } from '../../graph/op.ts';
import { DestTree } from './dest-tree.ts';
import { planLayer } from './layer-plan.ts';
import { type ReadIdentityFile, resolveOwner } from './owner.ts';
import type { CopyPlan } from './plan-copy.ts';

export interface MkdirPlanRequest {
  readonly op: MkdirOp;
  /** Null is scratch. */
  readonly base: SourceTree | null;
  /** Seconds; used unless the op has an epoch. */
  readonly time: number;
  readonly identity: ReadIdentityFile;
}

/** Errors: 'exec/copy-not-a-directory', 'exec/copy-link-loop' and those of looking up a user. */
export function planMkdir(request: MkdirPlanRequest): CopyPlan {
  const { op, base } = request;
  const tree = new DestTree(base, op.epoch ?? request.time);
  const owner = op.user === '' ? null : resolveOwner(op.user, base, request.identity);
  tree.makeDirectories(tree.resolve(op.path).path, 0o755, owner);
  return { entries: () => planLayer(tree, () => null) };
}
