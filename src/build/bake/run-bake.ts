// Builds the targets of a bake in one session: as many at a time as asked, each as soon as the targets
// it has as contexts are done. Steps that several targets share run once, because the session's cache
// answers all of them.
import pLimit from 'p-limit';
import type { BakeTarget } from '../../bake/bake-target.ts';
import { linkedName } from '../../bake/target-graph.ts';
import type { TargetState } from '../../core/events.ts';
import { formatReference, parseReference, withDefaultTag } from '../../core/reference.ts';
import type { BuildOutcome } from '../build-request.ts';
import { runBuild } from '../run-build.ts';
import type { Session } from '../session.ts';
import { type TargetRequestOptions, targetRequest } from './target-request.ts';

export interface BakeOptions extends Omit<TargetRequestOptions, 'linked'> {
  readonly parallel: number;
  /** One failure stops everything; otherwise only targets that need the failed one are left out. */
  readonly failFast: boolean;
}

export type TargetOutcome = { readonly target: BakeTarget; readonly milliseconds: number } & (
  | { readonly type: 'built'; readonly outcome: BuildOutcome }
  | { readonly type: 'failed'; readonly error: unknown }
  /** Not begun, because of `needs`, or because of --fail-fast (null). */
  | { readonly type: 'skipped'; readonly needs: string | null }
);

/** Host of names that images of linked targets have in the store while they are needed. */
const LINKED_HOST = 'bake.invalid';

/** One outcome per target, in their order; never rejects for a target that fails. Throws 'bake/unsupported' before anything is built. */
export async function runBake(session: Session, targets: readonly BakeTarget[], options: BakeOptions): Promise<TargetOutcome[]> {
  for (const target of targets) targetRequest(target, { ...options, linked: new Map() });
  const limit = pLimit(Math.max(1, options.parallel));
  const outcomes = new Map<string, Promise<TargetOutcome>>();
  const byName = new Map(targets.map((target) => [target.name, target]));
  const scope = `${process.pid}-${session.clock()}`;
  let stopped = false;

  const start = (target: BakeTarget): Promise<TargetOutcome> => {
    const known = outcomes.get(target.name);
    if (known !== undefined) return known;
    const promise = build(target).then((outcome) => {
      tell(target, outcome.type);
      return outcome;
    });
    outcomes.set(target.name, promise);
    return promise;
  };

  const build = async (target: BakeTarget): Promise<TargetOutcome> => {
    const linked = new Map<string, string>();
    for (const name of contextTargets(target)) {
      const needed = byName.get(name);
      const outcome = needed === undefined ? null : await start(needed);
      if (outcome?.type !== 'built') return { type: 'skipped', target, milliseconds: 0, needs: name };
      linked.set(name, keepLinked(session, outcome, scope));
    }
    return limit(() => buildOne(target, linked));
  };

  const tell = (target: BakeTarget, state: TargetState): void =>
    session.emit({ type: 'target', target: target.name, state, time: session.clock() });

  const buildOne = async (target: BakeTarget, linked: ReadonlyMap<string, string>): Promise<TargetOutcome> => {
    if (stopped || session.signal.aborted) return { type: 'skipped', target, milliseconds: 0, needs: null };
    const began = session.clock();
    tell(target, 'running');
    try {
      const outcome = await runBuild(namedSession(session, target.name), targetRequest(target, { ...options, linked }));
      return { type: 'built', target, outcome, milliseconds: session.clock() - began };
    } catch (error) {
      if (options.failFast) stopped = true;
      return { type: 'failed', target, error, milliseconds: session.clock() - began };
    }
  };

  for (const target of targets) tell(target, 'waiting');
  try {
    return await Promise.all(targets.map(start));
  } finally {
    for (const name of targets.map((target) => linkedReference(target.name, scope))) session.index.removeTag(name);
  }
}

const contextTargets = (target: BakeTarget): string[] =>
  [...new Set(target.contexts?.values() ?? [])].map(linkedName).filter((name) => name !== null);

const linkedReference = (target: string, scope: string): string =>
  formatReference(
    withDefaultTag(
      parseReference(
        `${LINKED_HOST}/${scope}/${
          target
            .toLowerCase()
            .replace(/[^a-z0-9]+/g, '-')
            .replace(/^-|-$/g, '') || 'target'
        }`,
      ),
    ),
  );

/** A name in the store under which other targets find the image, as context source. */
function keepLinked(session: Session, outcome: Extract<TargetOutcome, { type: 'built' }>, scope: string): string {
  const { descriptor } = outcome.outcome;
  const reference = linkedReference(outcome.target.name, scope);
  if (descriptor === undefined) return `target:${outcome.target.name}`;
  session.index.setTag(reference, descriptor, session.clock());
  return `docker-image://${reference}@${descriptor.digest}`;
}

/** The same session, with the target on every step that is shown. */
function namedSession(session: Session, target: string): Session {
  return {
    ...session,
    emit(event) {
      if (event.type === 'vertex-started' || event.type === 'vertex-finished') {
        session.emit({
          ...event,
          vertex: { ...event.vertex, id: `${target} ${event.vertex.id}`, targets: [target] },
        });
      } else if (event.type === 'progress') session.emit({ ...event, id: `${target} ${event.id}`, targets: [target] });
      else if (event.type === 'vertex-log') session.emit({ ...event, id: `${target} ${event.id}` });
      else session.emit(event);
    },
  };
}
