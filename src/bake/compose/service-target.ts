// The build section of a service, with x-bake, → fields of a target.
import { suggest } from '../../core/suggest.ts';
import { ATTEST, attestShorthand, CACHE, type EntryKind, EXPORT, SECRET, SSH } from '../attributes/entries.ts';
import { EntryProblem } from '../attributes/key-values.ts';
import type { SecretEntry, TargetFields } from '../bake-target.ts';
import { defined } from '../definition/merge-target.ts';
import type { Environment } from '../definition/variable-value.ts';
import { type BakeProblem, MOST_PROBLEMS, throwProblems } from '../problem.ts';
import type { ComposePlaces } from './compose-places.ts';
import { pairsOf } from './merge-compose.ts';
import { type Data, type DataMap, isList, isMap } from './yaml-data.ts';

const BUILD_KEYS = [
  'context',
  'dockerfile',
  'dockerfile_inline',
  'entitlements',
  'args',
  'ssh',
  'labels',
  'cache_from',
  'cache_to',
  'no_cache',
  'additional_contexts',
  'network',
  'provenance',
  'sbom',
  'pull',
  'target',
  'shm_size',
  'extra_hosts',
  'isolation',
  'privileged',
  'secrets',
  'tags',
  'ulimits',
  'platforms',
];

/** Dots of service names are not allowed in names of targets. */
export const targetName = (service: string): string => service.replaceAll('.', '_');

/** Throws BakeProblem 'bake/compose' with all that is wrong. */
export function serviceFields(
  name: string,
  service: DataMap,
  whole: DataMap,
  environment: Environment,
  places: ComposePlaces,
): TargetFields {
  const raw = service['build'];
  const build: DataMap = typeof raw === 'string' ? { context: raw } : isMap(raw) ? raw : {};
  const path = ['services', name, 'build'];
  const problems = unknownKeys(build, path, places);
  const field: ReadField = (key, read) => {
    try {
      return read(build[key]);
    } catch (error) {
      if (!(error instanceof EntryProblem)) throw error;
      problems.push(places.problem([...path, key], `${path.join('.')}.${key}: ${error.message}`));
      return undefined;
    }
  };
  const fields = buildFields(service, whole, environment, field);
  const all = field('x-bake', (extension) => (isMap(extension) ? withExtension(fields, extension) : fields)) ?? fields;
  throwProblems(problems);
  return all;
}

function unknownKeys(build: DataMap, path: readonly string[], places: ComposePlaces): BakeProblem[] {
  const unknown = Object.keys(build).filter((key) => !BUILD_KEYS.includes(key) && !key.startsWith('x-'));
  return unknown.slice(0, MOST_PROBLEMS).map((key) => {
    const near = suggest(key, BUILD_KEYS);
    const hint = near === null ? {} : { hint: `did you mean ${near}?` };
    return places.problem([...path, key], `${path.join('.')} has no property ${JSON.stringify(key)}`, hint);
  });
}

/** Reads a property of the build section; what is wrong with it is kept, with its place. */
type ReadField = <T>(key: string, read: (data: Data | undefined) => T) => T | undefined;

function buildFields(service: DataMap, whole: DataMap, environment: Environment, field: ReadField): TargetFields {
  const tags = field('tags', textsOf);
  const image = textOf(service['image']);
  return defined({
    context: localPath(field('context', textOf)),
    contexts: field('additional_contexts', contextsOf),
    dockerfile: field('dockerfile', textOf),
    dockerfileInline: field('dockerfile_inline', textOf),
    args: field('args', (data) => argsOf(data, environment)),
    labels: field('labels', (data) => mapOf(data, '')),
    tags: tags ?? (image === undefined ? undefined : [image]),
    cacheFrom: field('cache_from', (data) => entriesOf(data, CACHE)),
    cacheTo: field('cache_to', (data) => entriesOf(data, CACHE)),
    target: field('target', textOf),
    secret: field('secrets', (data) => secretsOf(data, whole)),
    ssh: field('ssh', sshOf),
    platforms: field('platforms', textsOf),
    pull: field('pull', boolOf),
    noCache: field('no_cache', boolOf),
    network: field('network', textOf),
    shmSize: field('shm_size', sizeOf),
    ulimits: field('ulimits', ulimitsOf),
    extraHosts: field('extra_hosts', hostsOf),
    attest: attestOf(field('sbom', textOf), field('provenance', textOf)),
    extension: field('x-tsbuild', (data) => mapOf(data, '')),
  });
}

const textOf = (data: Data | undefined): string | undefined =>
  data === undefined || data === null || typeof data === 'object' ? undefined : String(data);
const boolOf = (data: Data | undefined): boolean | undefined =>
  data === true || data === 'true' ? true : data === false || data === 'false' ? false : undefined;

/** A text alone is a list of one. */
function textsOf(data: Data | undefined): readonly string[] | undefined {
  if (data === undefined || data === null) return undefined;
  return (isList(data) ? data : [data]).map((item) => String(item));
}

function entriesOf<T>(data: Data | undefined, kind: EntryKind<T>): readonly T[] | undefined {
  return textsOf(data)?.flatMap((text) => (text === '' ? [] : [kind.fromText(text)]));
}

function mapOf(data: Data | undefined, otherwise: string): ReadonlyMap<string, string> | undefined {
  const pairs = Object.entries(pairsOf(data));
  return pairs.length === 0 ? undefined : new Map(pairs.map(([name, value]) => [name, value === null ? otherwise : String(value)]));
}

/** An argument without a value takes that of the environment, or is left out. */
function argsOf(data: Data | undefined, environment: Environment): ReadonlyMap<string, string> | undefined {
  const pairs = Object.entries(pairsOf(data)).flatMap(([name, value]) => {
    const given = value === null ? environment[name] : String(value);
    return given === undefined ? [] : [[name, given] as const];
  });
  return pairs.length === 0 ? undefined : new Map(pairs);
}

/** `service:NAME` is the target of that service; paths are as short as they can be. */
function contextsOf(data: Data | undefined): ReadonlyMap<string, string> | undefined {
  const pairs = Object.entries(pairsOf(data));
  if (pairs.length === 0) return undefined;
  return new Map(
    pairs.map(([name, value]) => {
      const source = String(value ?? '');
      return [
        name,
        source.startsWith('service:') ? `target:${targetName(source.slice('service:'.length))}` : (localPath(source) ?? source),
      ];
    }),
  );
}

/** `./web/` → `web`; URLs and references stay. */
function localPath(path: string | undefined): string | undefined {
  if (
    path === undefined ||
    /^[a-zA-Z][a-zA-Z0-9+.-]*:/.test(path) ||
    path.startsWith('git@') ||
    path.startsWith('github.com/') ||
    path === ''
  )
    return path;
  const rooted = path.startsWith('/');
  const parts: string[] = [];
  for (const part of path.split('/')) {
    if (part === '' || part === '.') continue;
    if (part === '..' && parts.length > 0 && parts.at(-1) !== '..') parts.pop();
    else if (part !== '..' || !rooted) parts.push(part);
  }
  return (rooted ? '/' : '') + (parts.join('/') || (rooted ? '' : '.'));
}

/** Names of secrets that the file declares at its end, as files or environment variables. */
function secretsOf(data: Data | undefined, whole: DataMap): readonly SecretEntry[] | undefined {
  if (!isList(data)) return undefined;
  const declared = isMap(whole['secrets']) ? whole['secrets'] : {};
  return data.map((item) => {
    const source = isMap(item) ? String(item['source'] ?? '') : String(item);
    const secret = declared[source];
    if (!isMap(secret)) throw new EntryProblem(`secret ${JSON.stringify(source)} is not declared under secrets`);
    const file = textOf(secret['file']);
    const env = textOf(secret['environment']);
    return { id: source, ...(file === undefined ? {} : { src: localPath(file) ?? file }), ...(env === undefined ? {} : { env }) };
  });
}

function sshOf(data: Data | undefined): TargetFields['ssh'] {
  if (isMap(data)) return Object.entries(data).map(([id, path]) => ({ id, paths: path === null ? [] : [String(path)] }));
  return entriesOf(data, SSH);
}

const UNITS: Readonly<Record<string, number>> = { '': 1, b: 1, k: 1024, m: 1024 ** 2, g: 1024 ** 3, t: 1024 ** 4 };

/** `1gb` → `1GiB`, as Docker shows sizes. */
function sizeOf(data: Data | undefined): string | undefined {
  const text = textOf(data);
  if (text === undefined) return undefined;
  const match = /^\s*(\d+(?:\.\d+)?)\s*([bkmgt]?)(?:i?b)?\s*$/i.exec(text);
  const factor = UNITS[(match?.[2] ?? '').toLowerCase()];
  if (match === null || factor === undefined) throw new EntryProblem(`shm_size ${JSON.stringify(text)} is not a size like 128m`);
  let size = Math.floor(Number(match[1]) * factor);
  if (size === 0) return undefined;
  let unit = 0;
  for (; size >= 1024 && unit < 5; unit += 1) size /= 1024;
  return `${Number(size.toPrecision(4))}${['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB'][unit]}`;
}

/** IPv6 addresses may be in brackets. */
function hostsOf(data: Data | undefined): ReadonlyMap<string, string> | undefined {
  const hosts = mapOf(pairsOf(data, '=:'), '');
  return hosts === undefined ? undefined : new Map([...hosts].map(([name, address]) => [name, address.replace(/^\[(.*)\]$/, '$1')]));
}

function attestOf(sbom: string | undefined, provenance: string | undefined): TargetFields['attest'] {
  const texts = [
    ...(sbom === undefined ? [] : [attestShorthand('sbom', sbom)]),
    ...(provenance === undefined ? [] : [attestShorthand('provenance', provenance)]),
  ];
  return texts.length === 0 ? undefined : texts.map((text) => ATTEST.fromText(text));
}

function ulimitsOf(data: Data | undefined): readonly string[] | undefined {
  if (!isMap(data)) return undefined;
  return Object.entries(data)
    .map(([name, limit]) =>
      isMap(limit) ? `${name}=${String(limit['soft'] ?? 0)}:${String(limit['hard'] ?? 0)}` : `${name}=${String(limit)}:${String(limit)}`,
    )
    .sort();
}

/** x-bake: lists are added, everything else replaces what the build section says. */
function withExtension(fields: TargetFields, extension: DataMap): TargetFields {
  const more = <T>(base: readonly T[] | undefined, added: readonly T[] | undefined): readonly T[] | undefined =>
    added === undefined ? base : [...(base ?? []), ...added];
  const contexts = mapOf(extension['contexts'], '');
  return defined({
    ...fields,
    tags: more(fields.tags, textsOf(extension['tags'])),
    cacheFrom: more(fields.cacheFrom, entriesOf(extension['cache-from'], CACHE)),
    cacheTo: more(fields.cacheTo, entriesOf(extension['cache-to'], CACHE)),
    secret: more(fields.secret, entriesOf(extension['secret'], SECRET)),
    ssh: more(fields.ssh, entriesOf(extension['ssh'], SSH)),
    platforms: more(fields.platforms, textsOf(extension['platforms'])),
    output: more(fields.output, entriesOf(extension['output'], EXPORT)),
    pull: boolOf(extension['pull']) ?? fields.pull,
    noCache: boolOf(extension['no-cache']) ?? fields.noCache,
    noCacheFilter: more(fields.noCacheFilter, textsOf(extension['no-cache-filter'])),
    contexts: contexts === undefined ? fields.contexts : new Map([...(fields.contexts ?? []), ...contexts]),
  });
}
