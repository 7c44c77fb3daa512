// --build-context NAME=SOURCE: what kind of source it is (K-12).
import { parseDigest } from '../core/digest.ts';
import { TsbuildError } from '../core/errors.ts';
import { formatReference, parseReference, withDefaultTag } from '../core/reference.ts';
import type { NamedContext } from '../planner/facts.ts';

export function parseNamedContext(name: string, source: string): NamedContext {
  const scheme = /^([a-z][a-z0-9+.-]*):\/\//.exec(source)?.[1];
  switch (scheme) {
    case undefined:
      return /^[^/]+@[^/]+:/.test(source) ? { type: 'git', url: source } : { type: 'local', path: source };
    case 'docker-image':
      return { type: 'image', reference: formatReference(withDefaultTag(parseReference(source.slice('docker-image://'.length)))) };
    case 'oci-layout':
      return ociLayout(name, source.slice('oci-layout://'.length));
    case 'http':
    case 'https':
      return new URL(source).pathname.endsWith('.git') ? { type: 'git', url: source } : { type: 'http', url: source };
    case 'git':
    case 'ssh':
      return { type: 'git', url: source };
    default:
      throw new TsbuildError({
        code: 'build/unsupported-source',
        message: `--build-context ${name}: no source of kind ${scheme}://`,
        hint: 'use a directory, docker-image://REF, oci-layout://DIR@DIGEST, or a git or http URL',
      });
  }
}

function ociLayout(name: string, text: string): NamedContext {
  const at = text.lastIndexOf('@');
  if (at === -1) {
    throw new TsbuildError({
      code: 'build/unsupported-source',
      message: `--build-context ${name}: an oci-layout needs a digest`,
      hint: 'write oci-layout://DIR@sha256:…',
    });
  }
  return { type: 'oci-layout', path: text.slice(0, at).replace(/:[^/:]*$/, ''), digest: parseDigest(text.slice(at + 1)) };
}
