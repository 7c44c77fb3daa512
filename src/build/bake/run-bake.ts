// Builds the targets of a bake in one session: as many at a time as asked, each as soon as the targets
// it has as contexts are done. What targets have in common is done once, because they share their work
// (ADR 0008).
import pLimit from 'p-limit';
import type { BakeTarget } from '../../bake/bake-target.ts';
import { linkedName } from '../../bake/target-graph.ts';
import type { Emit, TargetState } from '../../core/events.ts';
import type { BuildOutcome } from '../request/build-request.ts';
import { runBuild } from '../run-build.ts';
import { type Session, sessionWith } from '../session.ts';
import { openSharedWork, type SharedWork } from '../shared-work.ts';
import { machineAdmission, usualParallelism } from '../solve/admission.ts';
import { type TargetRequestOptions, targetRequest } from './target-request.ts';

export interface BakeOptions extends Omit<TargetRequestOptions, 'linked'> {
  /** Targets at a time, and steps of all of them; as many as usual unless given. */
  readonly jobs?: number;
  readonly maxParallelism?: number;
  /** One failure stops everything; otherwise only targets that need the failed one are left out. */
  readonly failFast: boolean;
}

export type TargetOutcome = { readonly target: BakeTarget; readonly milliseconds: number } & (
  | { readonly type: 'built'; readonly outcome: BuildOutcome }
  | { readonly type: 'failed'; readonly error: unknown }
  /** Not begun, because of `needs`; or stopped, because of --fail-fast (null). */
  | { readonly type: 'skipped'; readonly needs: string | null }
);

/** One outcome per target, in their order; never rejects for a target that fails. Throws 'bake/unsupported' before anything is built. */
export async function runBake(given: Session, targets: readonly BakeTarget[], options: BakeOptions): Promise<TargetOutcome[]> {
  for (const target of targets) targetRequest(target, { ...options, linked: new Map() });
  const limit = pLimit(options.jobs ?? usualParallelism());
  const outcomes = new Map<string, Promise<TargetOutcome>>();
  const byName = new Map(targets.map((target) => [target.name, target]));
  const stop = new AbortController();
  const session = sessionWith(given, { signal: AbortSignal.any([given.signal, stop.signal]) });
  const shared = openSharedWork(session, machineAdmission(options.maxParallelism));

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
      linked.set(name, linkResult(shared, outcome, targets.indexOf(outcome.target)));
    }
    return limit(() => buildOne(target, linked));
  };

  const tell = (target: BakeTarget, state: TargetState): void =>
    session.emit({ type: 'target', target: target.name, state, time: session.clock() });

  const buildOne = async (target: BakeTarget, linked: ReadonlyMap<string, string>): Promise<TargetOutcome> => {
    if (session.signal.aborted) return { type: 'skipped', target, milliseconds: 0, needs: null };
    const began = session.clock();
    tell(target, 'running');
    try {
      const request = targetRequest(target, { ...options, linked });
      const outcome = await runBuild(namedSession(session, target.name), request, shared);
      // Contexts may lie where it went.
      for (const output of request.outputs) if ('dest' in output) shared.directories.forget(output.dest);
      return { type: 'built', target, outcome, milliseconds: session.clock() - began };
    } catch (error) {
      const milliseconds = session.clock() - began;
      if (stop.signal.aborted) return { type: 'skipped', target, milliseconds, needs: null };
      if (options.failFast) stop.abort(error);
      return { type: 'failed', target, error, milliseconds };
    }
  };

  for (const target of targets) tell(target, 'waiting');
  try {
    return await Promise.all(targets.map(start));
  } finally {
    await shared.close();
  }
}

const contextTargets = (target: BakeTarget): string[] =>
  [...new Set(target.contexts?.values() ?? [])].map(linkedName).filter((name) => name !== null);

/** Host of the names that stand for results of this bake; nothing is ever asked of it. */
const LINKED_HOST = 'bake.invalid';

/** Gives the result of a target a name for other targets, which nobody outside this bake can see. Returns it as context source. */
function linkResult({ images }: SharedWork, { target, outcome }: Extract<TargetOutcome, { type: 'built' }>, at: number): string {
  const path =
    target.name
      .toLowerCase()
      .replace(/[^a-z0-9]+/g, '-')
      .replace(/^-|-$/g, '') || 'target';
  // Several targets may have one path.
  const reference = `${LINKED_HOST}/${path}:${at}`;
  images.built.set(reference, outcome.image);
  return `docker-image://${reference}`;
}

/** The same session, with the target on every step that is shown. */
function namedSession(session: Session, target: string): Session {
  const emit: Emit = (event) => {
    if (event.type === 'vertex-started' || event.type === 'vertex-finished') {
      session.emit({ ...event, vertex: { ...event.vertex, id: `${target} ${event.vertex.id}`, targets: [target] } });
    } else if (event.type === 'progress') session.emit({ ...event, id: `${target} ${event.id}`, targets: [target] });
    else if (event.type === 'vertex-log') session.emit({ ...event, id: `${target} ${event.id}` });
    else session.emit(event);
  };
  return sessionWith(session, { emit });
}
