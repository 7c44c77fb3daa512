// What people type to name a registry at login: a host, a URL as old instructions show it, or (for containers'
// per-path keys) a host with a namespace.

import { TsbuildError } from '../../../core/errors.ts';
import { tryParseReference } from '../../../core/reference.ts';
import { HUB_NAMES } from './auth-file.ts';

export interface LoginName {
  /** `host[:port]`, `docker.io` for all names of Docker Hub. */
  readonly host: string;
  /** The host, or `host/namespace`: the key of the credential. */
  readonly key: string;
}

/** '' is Docker Hub. Errors: 'registry/bad-reference'. */
export function parseLoginName(text: string): LoginName {
  const name = text
    .trim()
    .replace(/^https?:\/\//i, '')
    .replace(/\/+$/, '')
    .replace(/\/v[12]$/, '');
  const [host = '', ...path] = name.split('/');
  // People also type the address of the Hub's website.
  if (name === '' || HUB_NAMES.has(host) || host === 'hub.docker.com') return { host: 'docker.io', key: ['docker.io', ...path].join('/') };
  // With a port the first component is taken for a host, whatever it looks like.
  const withPort = /:\d+$/.test(host) ? host : `${host}:443`;
  if (!tryParseReference([withPort, ...path, 'x'].join('/')).ok) {
    throw new TsbuildError({
      code: 'registry/bad-reference',
      message: `${JSON.stringify(text.slice(0, 200))} does not name a registry`,
      hint: 'A registry is named HOST[:PORT], for example registry.example.com:5000.',
    });
  }
  return { host, key: name };
}
