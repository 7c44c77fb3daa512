// Finds and reads the Dockerfile and its ignore file (K-01, K-02, K-08). Both are read from the
// directory as it is, ignored or not; links are followed inside that directory only, as in Docker.
import { closeSync, constants, fstatSync, openSync, readFileSync } from 'node:fs';
import { errnoOf, TsbuildError } from '../core/errors.ts';
import { fsPath, pathFromBytes } from '../core/path-bytes.ts';
import type { SourceFile } from '../core/span.ts';
import { baseOf, childOf, parentOf } from './clean-path.ts';
import { openLocalTree } from './local-tree.ts';
import { nearestNames } from './nearest-names.ts';
import { unreadable } from './read-directory.ts';
import { resolveInTree } from './resolve-path.ts';

/** Docker's limit for what a frontend may read at once. */
const MAX_SIZE = 16 << 20;

export interface FoundDockerfile {
  readonly file: SourceFile;
  /** Path below the directory that was searched; its name decides the ignore file's name. */
  readonly path: string;
}

/**
 * Reads `path` below the directory `dir`; a missing `Dockerfile` may also be spelled `dockerfile`.
 * `shown` is how messages name it. Throws context/dockerfile-not-found and context/unreadable.
 */
export function readDockerfile(dir: string, path: string, shown: string): FoundDockerfile {
  const text = readTextFile(dir, path);
  if (text !== null) return { file: { name: shown, text }, path };
  if (baseOf(path) === 'Dockerfile') {
    const lower = childOf(parentOf(path), 'dockerfile');
    const lowerText = readTextFile(dir, lower);
    if (lowerText !== null) return { file: { name: shown.replace(/Dockerfile$/, 'dockerfile'), text: lowerText }, path: lower };
  }
  throw notFound(dir, path, shown);
}

/** Text of a regular file below `dir`, or null when there is none. */
export function readTextFile(dir: string, path: string): string | null {
  const tree = openLocalTree(dir);
  const found = resolveInTree(tree, path);
  if (found.entry?.type !== 'file') return null;
  return readText(tree.hostPath(found.path), path, constants.O_NOFOLLOW);
}

/** Reads a file the user named; pipes such as `<(…)` are fine here. Throws context/unreadable. */
export function readText(host: string, shown: string, flags = 0): string {
  try {
    const fd = openSync(fsPath(host), constants.O_RDONLY | flags);
    try {
      if (fstatSync(fd).size > MAX_SIZE) throw tooLarge(shown);
      const bytes = readFileSync(fd);
      if (bytes.length > MAX_SIZE) throw tooLarge(shown);
      return pathFromBytes(bytes);
    } finally {
      closeSync(fd);
    }
  } catch (error) {
    const errno = errnoOf(error);
    if (errno === undefined || error instanceof TsbuildError) throw error;
    throw unreadable(shown, errno, error);
  }
}

/** Text of a stream that is a Dockerfile. */
export async function readStream(bytes: AsyncIterable<Uint8Array>): Promise<string> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of bytes) {
    size += chunk.length;
    if (size > MAX_SIZE) throw tooLarge('the Dockerfile');
    chunks.push(chunk);
  }
  return pathFromBytes(Buffer.concat(chunks));
}

const tooLarge = (shown: string): TsbuildError =>
  new TsbuildError({ code: 'context/dockerfile-too-large', message: `${shown} has more than ${MAX_SIZE} bytes`, data: { path: shown } });

function notFound(dir: string, path: string, shown: string): TsbuildError {
  const tree = openLocalTree(dir);
  if (resolveInTree(tree, path).entry?.type === 'dir')
    return new TsbuildError({
      code: 'context/dockerfile-not-found',
      message: `no Dockerfile at ${JSON.stringify(shown)}: it is a directory`,
      hint: 'Name the file in it.',
      data: { path: shown },
    });
  const parent = parentOf(path);
  const names = tree.readdir(parent);
  const similar = names.filter((name) => /dockerfile|containerfile/i.test(name) && !name.endsWith('.dockerignore'));
  const near = [...new Set([...nearestNames(baseOf(path), names), ...similar])].slice(0, 4);
  return new TsbuildError({
    code: 'context/dockerfile-not-found',
    message: `no Dockerfile at ${JSON.stringify(shown)}`,
    hint:
      near.length > 0
        ? `Name another with -f; there is ${near.join(', ')}.`
        : 'Name one with -f, or run the command where the Dockerfile is.',
    data: { path: shown, nearest: near },
  });
}
