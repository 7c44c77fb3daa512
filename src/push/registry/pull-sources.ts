// Where to ask for a repository: the mirrors of registries.conf in order, then the registry itself.

import { TsbuildError } from '../../core/errors.ts';
import type { Reference } from '../../core/reference.ts';
import { repositoryOf, tryParseReference } from '../../core/reference.ts';
import { findRegistry, type RegistriesConf, relocate } from './registries-conf.ts';

export interface PullSource {
  /** `host[:port]` as configured; `docker.io` for Docker Hub. */
  readonly domain: string;
  readonly path: string;
  readonly insecure: boolean;
  readonly isMirror: boolean;
}

/** At least one source; 'registry/blocked' when the configuration forbids this registry. */
export function pullSources(conf: RegistriesConf, reference: Reference): readonly PullSource[] {
  const repository = repositoryOf(reference);
  const entry = findRegistry(conf, repository);
  if (!entry) return [{ domain: reference.domain, path: reference.path, insecure: false, isMirror: false }];
  if (entry.blocked) {
    throw new TsbuildError({
      code: 'registry/blocked',
      message: `${repository} is blocked in registries.conf`,
      hint: `Remove "blocked" from the entry with prefix ${JSON.stringify(entry.prefix)}.`,
    });
  }
  const wanted = reference.digest === undefined ? 'tag-only' : 'digest-only';
  const mirrors = entry.mirrors
    .filter(({ pullFrom }) => pullFrom === 'all' || pullFrom === wanted)
    .map(({ location, insecure }) => sourceOf(relocate(entry, location, repository), insecure, true));
  return [...mirrors, sourceOf(relocate(entry, entry.location, repository), entry.insecure, false)];
}

/** Pushes go where the name says, never to mirrors or relocated names; only `insecure` and `blocked` count. */
export function pushTarget(conf: RegistriesConf, reference: Reference): PullSource {
  const entry = findRegistry(conf, repositoryOf(reference));
  if (entry?.blocked) pullSources(conf, reference);
  return { domain: reference.domain, path: reference.path, insecure: entry?.insecure ?? false, isMirror: false };
}

function sourceOf(repository: string, insecure: boolean, isMirror: boolean): PullSource {
  const slash = repository.indexOf('/');
  // A location's host need not look like one (`mirror:5000` does, `mirror` does not): take it literally.
  const domain = repository.slice(0, slash);
  const parsed = tryParseReference(`${/[.:]/.test(domain) || domain === 'localhost' ? domain : `${domain}:443`}${repository.slice(slash)}`);
  if (slash <= 0 || !parsed.ok) {
    throw new TsbuildError({
      code: 'registry/bad-config',
      message: `registries.conf leads to ${JSON.stringify(repository)}, which is not a repository`,
    });
  }
  return { domain, path: parsed.reference.path, insecure, isMirror };
}
