// `bake --discover`: a bake file for a directory that has none, from the Dockerfiles in it.
import { join } from 'node:path';
import { type ProposedTarget, proposeBake, type SkippedFile } from '../../bake/propose-bake.ts';
import { readText } from '../../context/read-dockerfile.ts';
import { TsbuildError } from '../../core/errors.ts';
import { parseDockerfile } from '../../parser/parse-dockerfile.ts';
import { findDockerfiles } from './find-dockerfiles.ts';
import { guessContext } from './guess-context.ts';

/** Text of the definition. Throws 'bake/no-dockerfile' when there is nothing to build. */
export function discoverBake(directory: string): string {
  const targets: ProposedTarget[] = [];
  const skipped: SkippedFile[] = [];
  for (const path of findDockerfiles(directory)) {
    const found = propose(directory, path);
    if ('reason' in found) skipped.push(found);
    else targets.push(found);
  }
  if (targets.length > 0) return proposeBake(targets, skipped);
  throw new TsbuildError({
    code: 'bake/no-dockerfile',
    message: `no Dockerfile in ${directory} or below`,
    hint:
      skipped.length > 0
        ? `${skipped[0]?.path}: ${skipped[0]?.reason}`
        : 'looked for Dockerfile, Dockerfile.NAME, NAME.Dockerfile and the same with Containerfile, without what git ignores',
  });
}

function propose(directory: string, path: string): ProposedTarget | SkippedFile {
  try {
    const { ast, diagnostics } = parseDockerfile({ name: path, text: readText(join(directory, path), path) });
    const error = diagnostics.find((diagnostic) => diagnostic.severity === 'error');
    if (error !== undefined) return { path, reason: error.message };
    if (!ast.instructions.some((node) => node.kind === 'from')) return { path, reason: 'it has no FROM' };
    const { context, because, missing } = guessContext(directory, path, ast);
    return {
      path,
      context,
      notes: [
        path,
        ...(because.length === 0
          ? []
          : [
              `${context === '.' ? 'This directory' : context} is the context, because ${listed(because)} ${because.length === 1 ? 'is' : 'are'} not beside the Dockerfile.`,
            ]),
        ...(missing.length === 0 ? [] : [`Not found from there: ${listed(missing)}.`]),
      ],
    };
  } catch (error) {
    if (error instanceof TsbuildError) return { path, reason: error.message };
    throw error;
  }
}

const MOST = 3;

function listed(names: readonly string[]): string {
  const more = names.length - MOST;
  return names.slice(0, MOST).join(', ') + (more > 0 ? ` and ${more} more` : '');
}
