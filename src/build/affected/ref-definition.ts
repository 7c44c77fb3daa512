// The targets as the definition files of a commit have them. Reading is synchronous for the evaluator, and
// git is not: what it asks for is fetched, and it is evaluated again until nothing is missing.
import { resolve } from 'node:path';
import type { KnownTargets } from '../../bake/resolve-known.ts';
import { resolveInTree } from '../../context/resolve-path.ts';
import { TsbuildError } from '../../core/errors.ts';
import { type OpenBakeOptions, openTargets } from '../bake/open-bake.ts';
import { belowTop } from './both-states.ts';
import { readBlobs } from './ref-listing.ts';
import type { RefTree } from './ref-tree.ts';

export interface RefDefinitionOptions {
  readonly ref: RefTree;
  readonly top: string;
  readonly bake: OpenBakeOptions;
  readonly names: readonly string[];
}

export async function definitionAtRef({ ref, top, bake, names }: RefDefinitionOptions): Promise<KnownTargets> {
  const texts = new Map<string, string>();
  for (;;) {
    const missing = new Set<string>();
    const read = (name: string): string | null => {
      const oid = blobOf(ref, top, bake.workingDirectory, name);
      if (oid === null) return null;
      const text = texts.get(oid);
      if (text === undefined) missing.add(oid);
      return text ?? null;
    };
    // Another time than now: an attribute that depends on it differs in every build.
    const known = await evaluate({ ...bake, targets: names, read, time: new Date(0) });
    if (missing.size === 0) return known;
    const [repository] = ref.listing.repositories;
    if (repository === undefined) return known;
    for (const [oid, blob] of await readBlobs(repository.tree, [...missing])) texts.set(oid, blob.toString('utf8'));
  }
}

async function evaluate(options: OpenBakeOptions): Promise<KnownTargets> {
  try {
    return await openTargets(options);
  } catch (error) {
    if (!(error instanceof TsbuildError)) throw error;
    return { targets: new Map(), problem: error.message };
  }
}

/** Null for what the commit does not have, and for files that are not in the repository. */
function blobOf(ref: RefTree, top: string, workingDirectory: string, name: string): string | null {
  if (name === '-') return null;
  const path = belowTop(top, resolve(workingDirectory, name.startsWith('cwd://') ? name.slice('cwd://'.length) : name));
  if (path === null) return null;
  const found = resolveInTree(ref.root, path);
  const file = found.entry?.type === 'file' ? ref.listing.files.get(found.path) : undefined;
  return file?.repository === ref.listing.repositories[0] ? (file?.oid ?? null) : null;
}
