// Putting two descriptions of one target together, and taking the result to its normal form.
import { ATTEST, CACHE, EXPORT, SECRET, SSH } from '../attributes/entries.ts';
import { distinctTexts, unique } from '../attributes/key-values.ts';
import type { TargetFields } from '../bake-target.ts';

/** What `over` says wins; some lists grow instead. */
export function mergeTarget(base: TargetFields, over: TargetFields): TargetFields {
  return defined({
    ...base,
    ...defined(over),
    description: over.description === '' ? base.description : (over.description ?? base.description),
    inherits: joined(base.inherits, over.inherits),
    annotations: joined(base.annotations, over.annotations),
    attest: lastOf(joined(base.attest, over.attest)),
    contexts: mergedMap(base.contexts, over.contexts),
    args: mergedMap(base.args, over.args),
    labels: mergedMap(base.labels, over.labels),
    extraHosts: mergedMap(base.extraHosts, over.extraHosts),
    extension: mergedMap(base.extension, over.extension),
    secret: joined(base.secret, over.secret),
    ssh: joined(base.ssh, over.ssh),
    cacheFrom: joined(base.cacheFrom, over.cacheFrom),
    noCacheFilter: joined(base.noCacheFilter, over.noCacheFilter),
    ulimits: joined(base.ulimits, over.ulimits),
    entitlements: joined(base.entitlements, over.entitlements),
  });
}

type Loose = { readonly [K in keyof TargetFields]: TargetFields[K] | undefined };

/** Without members that are undefined. */
export const defined = (fields: Loose): TargetFields =>
  Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as TargetFields;

function joined<T>(base: readonly T[] | undefined, over: readonly T[] | undefined): readonly T[] | undefined {
  return over === undefined ? base : [...(base ?? []), ...over];
}

/** A null of `over` leaves what is there. */
function mergedMap<T>(
  base: ReadonlyMap<string, T> | undefined,
  over: ReadonlyMap<string, T> | undefined,
): ReadonlyMap<string, T> | undefined {
  if (over === undefined) return base;
  return new Map([...(base ?? []), ...[...over].filter(([, value]) => value !== null)]);
}

/** Attestations: of one type, the last one, at the place of the first. */
function lastOf(entries: TargetFields['attest']): TargetFields['attest'] {
  if (entries === undefined) return undefined;
  return [...new Map(entries.map((entry) => [ATTEST.identity(entry), entry])).values()];
}

export function normalizeTarget(fields: TargetFields): TargetFields {
  const host = fields.network === 'host' ? ['network.host'] : [];
  const contexts = new Map([...(fields.contexts ?? [])].filter(([, source]) => source !== ''));
  return defined({
    ...fields,
    annotations: distinctTexts(fields.annotations),
    attest: lastOf(fields.attest),
    contexts: contexts.size === 0 ? undefined : contexts,
    tags: distinctTexts(fields.tags),
    cacheFrom: fields.cacheFrom && unique(fields.cacheFrom, CACHE.identity),
    cacheTo: fields.cacheTo && unique(fields.cacheTo, CACHE.identity),
    secret: fields.secret && unique(fields.secret, SECRET.identity),
    ssh: fields.ssh && unique(fields.ssh, SSH.identity),
    platforms: distinctTexts(fields.platforms),
    output: fields.output && unique(fields.output, EXPORT.identity),
    noCacheFilter: distinctTexts(fields.noCacheFilter),
    ulimits: distinctTexts(fields.ulimits),
    entitlements: distinctTexts([...(fields.entitlements ?? []), ...host]),
  });
}
