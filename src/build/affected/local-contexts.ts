// Which contexts of a target are directories of this machine, and which can change without any commit.
import { statSync } from 'node:fs';
import { resolve } from 'node:path';
import type { BakeTarget } from '../../bake/bake-target.ts';
import { linkedName } from '../../bake/target-graph.ts';
import { TsbuildError } from '../../core/errors.ts';
import { localContext } from '../bake/target-request.ts';
import { isGitContext, parseGitContext } from '../remote/remote-contexts.ts';
import { parseNamedContext } from '../request/named-context.ts';
import type { Reason } from './reason.ts';

export interface LocalContext {
  /** '' is the build context. */
  readonly name: string;
  /** Absolute. */
  readonly path: string;
}

export interface TargetContexts {
  /** Directories; the build context comes first. */
  readonly local: readonly LocalContext[];
  /** Why some other context is not pinned to what it was; null when there is none. */
  readonly unpinned: Reason | null;
}

export function contextsOf(target: BakeTarget, workingDirectory: string): TargetContexts {
  const local: LocalContext[] = [];
  const others: Reason[] = [];
  const main = localContext(target.context);
  const path = resolve(workingDirectory, main);
  if (main !== '-' && (isDirectory(path) || !isElsewhere(main))) local.push({ name: '', path });
  else if (!isPinned(main)) others.push(unpinned('context', main));
  if (target.dockerfileInline === undefined && /^https?:\/\//.test(target.dockerfile))
    others.push(unpinned('dockerfile', target.dockerfile));
  for (const [name, source] of target.contexts ?? []) {
    if (linkedName(source) !== null) continue;
    const context = contextAt(name, localContext(source), workingDirectory);
    if (context !== 'fixed' && context !== 'unknown') local.push({ name, path: context });
    else if (context === 'unknown') others.push(unpinned(`contexts.${name}`, source));
  }
  return { local, unpinned: others[0] ?? null };
}

/** The directory of a named context, or whether it is the same whenever it is read. Images are as FROM names them. */
function contextAt(name: string, source: string, workingDirectory: string): string | 'fixed' | 'unknown' {
  if (source.startsWith('oci-layout://')) return /@sha256:[0-9a-f]{64}$/.test(source) ? 'fixed' : 'unknown';
  try {
    const context = parseNamedContext(name, source, workingDirectory);
    if (context.type === 'local') return context.path;
    return context.type === 'http' || (context.type === 'git' && !isPinned(context.url)) ? 'unknown' : 'fixed';
  } catch (error) {
    // The build says what is wrong with it.
    if (error instanceof TsbuildError) return 'unknown';
    throw error;
  }
}

const isElsewhere = (spec: string): boolean => isGitContext(spec) || /^https?:\/\//.test(spec);

const isDirectory = (path: string): boolean => statSync(path, { throwIfNoEntry: false })?.isDirectory() === true;

const unpinned = (attribute: string, source: string): Reason => ({
  kind: 'context',
  input: attribute,
  text: `its ${attribute} ${source === '-' ? 'is standard input' : `${JSON.stringify(source)} may have changed: no commit or checksum pins it`}`,
});

/** A commit by its full hash, or a checksum. */
function isPinned(spec: string): boolean {
  if (!isGitContext(spec)) return false;
  try {
    const { ref = '', checksum } = parseGitContext(spec);
    return checksum !== undefined || /^(?:[0-9a-f]{40}|[0-9a-f]{64})$/.test(ref);
  } catch (error) {
    if (error instanceof TsbuildError) return false;
    throw error;
  }
}
