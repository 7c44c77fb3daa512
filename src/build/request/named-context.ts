// --build-context NAME=SOURCE: what kind of source it is (K-12). Nothing is loaded before a Dockerfile
// uses it (K-14).
import { statSync } from 'node:fs';
import { resolve } from 'node:path';
import { TsbuildError } from '../../core/errors.ts';
import { formatReference, parseReference, withDefaultTag } from '../../core/reference.ts';
import type { NamedContext } from '../../planner/facts.ts';
import { parseOciLayout } from '../remote/oci-layout.ts';
import { isGitContext } from '../remote/remote-contexts.ts';

/** `source` as typed; directories are relative to `workingDirectory`. */
export function parseNamedContext(name: string, source: string, workingDirectory: string): NamedContext {
  if (isGitContext(source)) return { type: 'git', url: source };
  const scheme = /^([a-z][a-z0-9+.-]*):/.exec(source)?.[1];
  switch (scheme) {
    case 'docker-image':
      return { type: 'image', reference: formatReference(withDefaultTag(parseReference(rest(name, source, scheme)))) };
    case 'oci-layout':
      return parseOciLayout(name, rest(name, source, scheme), workingDirectory);
    case 'http':
    case 'https':
      return { type: 'http', url: source };
    default:
      if (scheme === 'target')
        throw new TsbuildError({
          code: 'build/unsupported-source',
          message: `--build-context ${name}: ${JSON.stringify(source)} is for targets of a bake file`,
          hint: 'Write it in docker-bake.hcl and run tsbuild bake, or build the target first and give it as docker-image://NAME.',
        });
      if (scheme === undefined || !source.startsWith(`${scheme}://`)) return localContext(name, resolve(workingDirectory, source));
      throw new TsbuildError({
        code: 'build/unsupported-source',
        message: `--build-context ${name}: unsupported context source ${scheme}://`,
        hint: 'Use a directory, docker-image://REF, oci-layout://DIR@DIGEST, or a git or http URL.',
      });
  }
}

/** It must be there even when nothing uses it: Docker's client looks before the build begins. */
function localContext(name: string, path: string): NamedContext {
  if (statSync(path, { throwIfNoEntry: false })?.isDirectory() === true) return { type: 'local', path };
  throw new TsbuildError({
    code: 'context/not-found',
    message: `--build-context ${name}: ${path} is not a directory`,
    hint: 'Give a directory that exists, relative to where you are.',
  });
}

function rest(name: string, source: string, scheme: string): string {
  const text = source.slice(`${scheme}://`.length);
  if (source.startsWith(`${scheme}://`) && text !== '') return text;
  throw new TsbuildError({
    code: 'build/unsupported-source',
    message: `--build-context ${name}: invalid context specifier ${JSON.stringify(source)}`,
    hint: `Write it as ${scheme}://….`,
  });
}
