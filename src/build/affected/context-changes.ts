// Whether the files that one target can read differ between work tree and commit: its Dockerfile, the files
// of its contexts that the ignore file lets through, and of those only what its steps read.
import { basename, dirname, resolve } from 'node:path';
import type { BakeTarget } from '../../bake/bake-target.ts';
import { readText } from '../../context/read-dockerfile.ts';
import { dockerfileOf } from '../bake/target-request.ts';
import { fileInBoth, inBothStates } from './both-states.ts';
import type { ComparedContext, ComparedContexts } from './compared-contexts.ts';
import type { Difference, ReadFiles } from './first-difference.ts';
import { contextsOf, type LocalContext } from './local-contexts.ts';
import type { Reason } from './reason.ts';
import type { RefTree } from './ref-tree.ts';

export interface ChangesOptions {
  readonly ref: RefTree;
  /** As messages name the commit. */
  readonly shown: string;
  /** Of the work tree; absolute, without links, as `workingDirectory`. */
  readonly top: string;
  readonly workingDirectory: string;
  readonly contexts: ComparedContexts;
  /** By name of the context; null when that cannot be known. */
  readonly reads: (target: BakeTarget) => Promise<ReadonlyMap<string, readonly ReadFiles[]> | null>;
  /** Whether git is told to ignore a path below the top. */
  readonly isIgnored: (path: string) => Promise<boolean>;
}

/** Text of the ignore file that belongs to a Dockerfile, in both states; null where it has none. */
interface OwnIgnore {
  readonly now: string | null;
  readonly before: string | null;
}

const NO_IGNORE: OwnIgnore = { now: null, before: null };

/** Null when the target reads the same files in both states. */
export async function contextChange(target: BakeTarget, options: ChangesOptions): Promise<Reason | null> {
  const { local: contexts, unpinned } = contextsOf(target, options.workingDirectory);
  if (unpinned !== null) return unpinned;
  const dockerfile = contexts[0]?.name === '' && target.dockerfileInline === undefined ? await dockerfileState(target, options) : NO_IGNORE;
  if ('kind' in dockerfile) return dockerfile;
  let reads: Awaited<ReturnType<ChangesOptions['reads']>> | undefined;
  for (const context of contexts) {
    const opened = await openBoth(context, context.name === '' ? dockerfile : NO_IGNORE, options);
    if ('kind' in opened) return opened;
    const anywhere = await opened.difference({ pattern: '', exclude: [] });
    if (anywhere === null) continue;
    // Something differs; whether a step reads it takes a plan.
    if (reads === undefined) reads = await options.reads(target);
    const change = reads === null ? anywhere : await firstOf(opened, reads.get(context.name) ?? []);
    if (change !== null) return fileReason(change, reads === null, options);
  }
  return null;
}

async function firstOf(context: ComparedContext, reads: readonly ReadFiles[]): Promise<Difference | null> {
  for (const files of reads) {
    const change = await context.difference(files);
    if (change !== null) return change;
  }
  return null;
}

async function fileReason({ path, how, added }: Difference, guessed: boolean, options: ChangesOptions): Promise<Reason> {
  const advice = /(?:^|\/)\.git(?:\/|$)/.test(path)
    ? '; .git is part of the context, a line in .dockerignore keeps it out'
    : added && (await options.isIgnored(path))
      ? '; git ignores it, .dockerignore does not'
      : guessed
        ? '; what the Dockerfile reads cannot be told, so every file of the context counts'
        : '';
  return { kind: 'file', input: path, text: `${path} ${how}${advice}` };
}

/** The ignore file of a Dockerfile that is the same in both states. */
async function dockerfileState(target: BakeTarget, options: ChangesOptions): Promise<OwnIgnore | Reason> {
  const { ref, top, workingDirectory, shown } = options;
  const named = dockerfileOf(target);
  const reason = (text: string): Reason => ({ kind: 'dockerfile', input: named, text: `${named} ${text}` });
  const path = resolve(workingDirectory, named);
  const states = inBothStates(ref, top, dirname(path));
  if (states === 'outside') return reason('is outside of the repository');
  if (states === 'new') return reason(`is not in ${shown}`);
  if (states === 'missing') return reason('is not there');
  // As for builds, a Dockerfile may be written in small letters when nothing else was asked for.
  const names = basename(path) === 'Dockerfile' ? ['Dockerfile', 'dockerfile'] : [basename(path)];
  const files = names.map((name) => ({ name, ...fileInBoth(ref, states, name) }));
  const now = files.find((file) => file.now !== null);
  const before = files.find((file) => file.before !== null);
  if (now?.now === undefined || now.now === null) return reason('is not there');
  if (before?.before === undefined || before.before === null) return reason(`is not in ${shown}`);
  if (now.name !== before.name || !ref.sameContent(before.before, now.now)) return reason('changed');
  const name = `${now.name}.dockerignore`;
  const own = fileInBoth(ref, states, name);
  return { now: own.now === null ? null : readText(own.now, name), before: own.before === null ? null : await ref.text(own.before) };
}

/** The context in both states, each under the ignore file that it has there. */
async function openBoth(context: LocalContext, own: OwnIgnore, options: ChangesOptions): Promise<ComparedContext | Reason> {
  const { ref, top, shown, contexts } = options;
  const states = inBothStates(ref, top, context.path);
  if (typeof states === 'string') {
    const input = context.name === '' ? 'context' : `contexts.${context.name}`;
    const text = `its ${input} ${context.path} ${states === 'outside' ? 'is outside of the repository' : states === 'new' ? `is not in ${shown}` : 'is not there'}`;
    return { kind: 'context', input, text };
  }
  const common = fileInBoth(ref, states, '.dockerignore');
  const now = own.now ?? (common.now === null ? '' : readText(common.now, '.dockerignore'));
  const before = own.before ?? (common.before === null ? '' : await ref.text(common.before));
  return contexts.open(states, { now, before });
}
