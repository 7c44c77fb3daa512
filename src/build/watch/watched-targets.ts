// What the targets of a bake read, now: taken before a build, compared after it and whenever something
// happens, so that no edit is lost, whether or not anybody was told of it.
import { basename, dirname, join, resolve } from 'node:path';
import type { BakeTarget } from '../../bake/bake-target.ts';
import { changedAttribute } from '../../bake/resolve-known.ts';
import { linkedName } from '../../bake/target-graph.ts';
import { OpenDirectories } from '../../context/open-directories.ts';
import { readTextFile } from '../../context/read-dockerfile.ts';
import { TsbuildError } from '../../core/errors.ts';
import type { ReadFiles } from '../affected/first-difference.ts';
import { contextsOf } from '../affected/local-contexts.ts';
import { plannedReads } from '../affected/planned-reads.ts';
import { PlannedTargets } from '../bake/planned-targets.ts';
import { dockerfileOf } from '../bake/target-request.ts';
import { RegistryAccess } from '../registry-access.ts';
import { DockerfileError } from '../request/build-request.ts';
import type { Session } from '../session.ts';
import { changedPath, InputState } from './input-state.ts';

export interface WatchOptions {
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly workingDirectory: string;
  /** Files that every build writes. */
  readonly written: readonly string[];
}

export interface WatchedTarget {
  readonly target: BakeTarget;
  readonly inputs: InputState;
}

export type WatchedTargets = ReadonlyMap<string, WatchedTarget>;

export async function watchedTargets(session: Session, targets: readonly BakeTarget[], options: WatchOptions): Promise<WatchedTargets> {
  const directories = new OpenDirectories();
  const registry = new RegistryAccess(session);
  const { environment, workingDirectory } = options;
  const byName = new Map(targets.map((target) => [target.name, target]));
  const planned = new PlannedTargets(session, registry, { targets: byName, environment, workingDirectory, directories });
  const written = outputsOf(targets, options);
  const isOutput = (path: string): boolean => written.some((output) => path === output || path.startsWith(`${output}/`));
  try {
    const watched = new Map<string, WatchedTarget>();
    for (const target of targets) {
      const inputs = new InputState(isOutput);
      addInputs(inputs, target, await readsOf(planned, target, session.signal), directories, workingDirectory);
      watched.set(target.name, { target, inputs });
    }
    return watched;
  } finally {
    await registry.close();
  }
}

function outputsOf(targets: readonly BakeTarget[], { workingDirectory, written }: WatchOptions): readonly string[] {
  const dests = targets.flatMap((target) =>
    (target.output ?? []).flatMap(({ dest }) => (dest === undefined || dest === '-' ? [] : [dest])),
  );
  return [...dests, ...written].map((path) => resolve(workingDirectory, path));
}

/** Null: whatever is in the contexts. */
async function readsOf(
  planned: PlannedTargets,
  target: BakeTarget,
  signal: AbortSignal,
): Promise<ReadonlyMap<string, readonly ReadFiles[]> | null> {
  try {
    return await plannedReads(planned, target);
  } catch (error) {
    signal.throwIfAborted();
    if (error instanceof TsbuildError || error instanceof DockerfileError) return null;
    throw error;
  }
}

const EVERYTHING: readonly ReadFiles[] = [{ pattern: '', exclude: [] }];

function addInputs(
  inputs: InputState,
  target: BakeTarget,
  reads: ReadonlyMap<string, readonly ReadFiles[]> | null,
  directories: OpenDirectories,
  workingDirectory: string,
): void {
  const { local } = contextsOf(target, workingDirectory);
  const own = local[0]?.name === '' && target.dockerfileInline === undefined ? resolve(workingDirectory, dockerfileOf(target)) : null;
  let ownIgnore: string | null = null;
  if (own !== null) {
    for (const path of [own, join(dirname(own), basename(own).toLowerCase())]) {
      inputs.addFile(path);
      inputs.addFile(`${path}.dockerignore`);
      ownIgnore ??= readIgnore(`${path}.dockerignore`);
    }
  }
  for (const { name, path } of local) {
    inputs.addFile(join(path, '.dockerignore'));
    try {
      const ignore = name === '' && ownIgnore !== null ? { ignore: { name: '.dockerignore', text: ownIgnore } } : {};
      inputs.addReads(directories.open(path, ignore).tree, reads === null ? EVERYTHING : (reads.get(name) ?? []));
    } catch (error) {
      if (!(error instanceof TsbuildError)) throw error;
      inputs.files.set(path, error.message);
      inputs.addDirectory(path);
    }
  }
}

function readIgnore(path: string): string | null {
  try {
    return readTextFile(dirname(path), basename(path));
  } catch (error) {
    if (error instanceof TsbuildError) return null;
    throw error;
  }
}

export interface WatchedChange {
  readonly name: string;
  /** A path, an attribute, or a target that it has as context. */
  readonly because: string;
}

/** Targets that would not be built as before, in the order of `now`. */
export function changedTargets(now: WatchedTargets, before: WatchedTargets): readonly WatchedChange[] {
  const found = new Map<string, string | null>();
  const reason = (name: string): string | null => {
    const known = found.get(name);
    if (known !== undefined) return known;
    const because = ownChange(now.get(name), before.get(name)) ?? linkedChange(now.get(name));
    found.set(name, because);
    return because;
  };
  const linkedChange = (watched: WatchedTarget | undefined): string | null => {
    const names = [...(watched?.target.contexts?.values() ?? [])].flatMap((source) => linkedName(source) ?? []);
    const changed = names.find((name) => reason(name) !== null);
    return changed === undefined ? null : `target ${changed}`;
  };
  return [...now.keys()].flatMap((name) => {
    const because = reason(name);
    return because === null ? [] : [{ name, because }];
  });
}

function ownChange(now: WatchedTarget | undefined, before: WatchedTarget | undefined): string | null {
  if (now === undefined || before === undefined) return 'its definition';
  return changedAttribute(now.target, before.target) ?? changedPath(now.inputs, before.inputs);
}
