// `--metadata-file`: the results of a build, or of each target of a bake, with the keys that buildx writes
// (T-05). Keys of what tsbuild has not (records of builds, provenance) are left out.
import { accessSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import type { BuildOutcome } from '../build/request/build-request.ts';
import { errnoOf, TsbuildError } from '../core/errors.ts';

export function buildMetadata({ configDigest, descriptor, names }: BuildOutcome): Readonly<Record<string, unknown>> {
  return {
    ...(configDigest === undefined ? {} : { 'containerimage.config.digest': configDigest }),
    ...(descriptor === undefined ? {} : { 'containerimage.descriptor': descriptor, 'containerimage.digest': descriptor.digest }),
    ...(names.length === 0 ? {} : { 'image.name': names.join(',') }),
  };
}

export const writeMetadata = (path: string, metadata: Readonly<Record<string, unknown>>): void =>
  writeResult(path, `${JSON.stringify(metadata, null, 2)}\n`);

/** Throws 'build/output'. */
export const writeResult = (path: string, text: string): void => attempt(path, () => writeFileSync(path, text));

/** Before the build, so that it is not done in vain. Throws 'build/output'. */
export const checkResultPath = (path: string): void => attempt(path, () => accessSync(dirname(resolve(path))));

/** Throws 'build/output'. */
export const removeResult = (path: string): void => attempt(path, () => rmSync(path, { force: true }));

function attempt(path: string, body: () => void): void {
  try {
    body();
  } catch (cause) {
    throw new TsbuildError({ code: 'build/output', message: `cannot write ${path} (${errnoOf(cause) ?? 'unknown error'})`, cause });
  }
}
