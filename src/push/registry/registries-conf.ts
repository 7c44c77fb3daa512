// registries.conf version 2 and its drop-in directories, as in containers-registries.conf(5): where a
// repository really is, its mirrors, and which hosts are insecure or blocked.
import { badConfig, namesIn, readIfPresent } from './config-files.ts';
import { configHome, type RegistryEnvironment } from './environment.ts';

export interface Mirror {
  /** `host[:port][/path]`. */
  readonly location: string;
  readonly insecure: boolean;
  readonly pullFrom: 'all' | 'digest-only' | 'tag-only';
}

export interface RegistryEntry {
  /** `host[/path…]` or `*.example.com`. */
  readonly prefix: string;
  /** Replaces the prefix when pulling; '' (only with a wildcard) keeps the name. */
  readonly location: string;
  readonly insecure: boolean;
  readonly blocked: boolean;
  readonly mirrors: readonly Mirror[];
}

export type RegistriesConf = readonly RegistryEntry[];

/** Everything configured, later files replacing entries of the same prefix. 'registry/bad-config' names the file at fault. */
export async function loadRegistriesConf(environment: RegistryEnvironment): Promise<RegistriesConf> {
  const entries = new Map<string, RegistryEntry>();
  for (const path of confFiles(environment)) {
    const text = readIfPresent(path);
    if (text === null) continue;
    for (const entry of await parseRegistriesConf(text, path)) entries.set(entry.prefix, entry);
  }
  return [...entries.values()];
}

/** The main file (`$CONTAINERS_REGISTRIES_CONF`, the user's, or the system's), then drop-ins in order of name. */
function confFiles(environment: RegistryEnvironment): string[] {
  const explicit = environment.env['CONTAINERS_REGISTRIES_CONF'];
  const user = `${configHome(environment)}/containers/registries.conf`;
  const system = `${environment.etc}/containers/registries.conf`;
  if (explicit) return [explicit, ...dropIns(`${system}.d`), ...dropIns(`${user}.d`)];
  // A user's own main file replaces the system's configuration wholly.
  if (readIfPresent(user) !== null) return [user, ...dropIns(`${user}.d`)];
  return [system, ...dropIns(`${system}.d`), ...dropIns(`${user}.d`)];
}

function dropIns(directory: string): string[] {
  return namesIn(directory)
    .filter((name) => name.endsWith('.conf'))
    .map((name) => `${directory}/${name}`);
}

export async function parseRegistriesConf(text: string, path: string): Promise<RegistryEntry[]> {
  // Short-name files are long and hold nothing of ours: they need no parser.
  if (!/^\s*(\[\[?\s*"?registry|registry\s*=)/m.test(text)) return [];
  // Loaded only where a file has entries.
  const { parse } = await import('smol-toml');
  let document: Record<string, unknown>;
  try {
    document = parse(text) as Record<string, unknown>;
  } catch (error) {
    throw badConfig(path, `not valid TOML: ${error instanceof Error ? (error.message.split('\n', 1)[0] ?? '') : ''}`, error);
  }
  const tables = document['registry'];
  if (tables === undefined) return [];
  if (!Array.isArray(tables)) throw badConfig(path, '"registry" must be a list of tables, written [[registry]]');
  return tables.map((table) => entryOf(table as Record<string, unknown>, path));
}

function entryOf(table: Record<string, unknown>, path: string): RegistryEntry {
  const location = trimmed(textMember(table, 'location', path));
  const prefix = trimmed(textMember(table, 'prefix', path)) || location;
  if (prefix === '') throw badConfig(path, 'a [[registry]] needs a "location" or a "prefix"');
  const wildcard = prefix.startsWith('*.');
  if (wildcard && /[*/]/.test(prefix.slice(2)))
    throw badConfig(path, `prefix ${JSON.stringify(prefix)}: a wildcard stands alone before a domain`);
  if (!wildcard && location === '') throw badConfig(path, `prefix ${JSON.stringify(prefix)} needs a "location"`);
  const digestOnly = flagMember(table, 'mirror-by-digest-only', path);
  const mirrors = table['mirror'] ?? [];
  if (!Array.isArray(mirrors)) throw badConfig(path, '"mirror" must be a list of tables, written [[registry.mirror]]');
  return {
    prefix,
    location,
    insecure: flagMember(table, 'insecure', path),
    blocked: flagMember(table, 'blocked', path),
    mirrors: mirrors.map((mirror) => mirrorOf(mirror as Record<string, unknown>, digestOnly, path)),
  };
}

function mirrorOf(table: Record<string, unknown>, digestOnly: boolean, path: string): Mirror {
  const location = trimmed(textMember(table, 'location', path));
  if (location === '') throw badConfig(path, 'a [[registry.mirror]] needs a "location"');
  const pullFrom = textMember(table, 'pull-from-mirror', path) || (digestOnly ? 'digest-only' : 'all');
  if (pullFrom !== 'all' && pullFrom !== 'digest-only' && pullFrom !== 'tag-only') {
    throw badConfig(path, `"pull-from-mirror" of ${location} must be all, digest-only or tag-only`);
  }
  return { location, insecure: flagMember(table, 'insecure', path), pullFrom };
}

function textMember(table: Record<string, unknown>, name: string, path: string): string {
  const value = table[name] ?? '';
  if (typeof value !== 'string') throw badConfig(path, `"${name}" must be text`);
  return value;
}

function flagMember(table: Record<string, unknown>, name: string, path: string): boolean {
  const value = table[name] ?? false;
  if (typeof value !== 'boolean') throw badConfig(path, `"${name}" must be true or false`);
  return value;
}

/** Locations are names, not URLs; a scheme people write is dropped as in other tools. */
const trimmed = (location: string): string => location.replace(/^https?:\/\//, '').replace(/\/+$/, '');

/** The entry with the longest prefix that covers `repository` (`host/path`), or null. */
export function findRegistry(conf: RegistriesConf, repository: string): RegistryEntry | null {
  let best: RegistryEntry | null = null;
  for (const entry of conf) {
    if (coveredLength(entry.prefix, repository) >= 0 && entry.prefix.length > (best?.prefix.length ?? -1)) best = entry;
  }
  return best;
}

/** Characters of `repository` that `prefix` stands for, or -1. A prefix ends at a component: `a.io/b` does not cover `a.io/bc`. */
function coveredLength(prefix: string, repository: string): number {
  if (prefix.startsWith('*.')) {
    const slash = repository.indexOf('/');
    const host = slash === -1 ? repository : repository.slice(0, slash);
    return host.replace(/:\d+$/, '').endsWith(prefix.slice(1)) || host.endsWith(prefix.slice(1)) ? host.length : -1;
  }
  return repository === prefix || repository.startsWith(`${prefix}/`) ? prefix.length : -1;
}

/** `repository` with the part covered by the entry's prefix replaced by `location`. */
export function relocate(entry: RegistryEntry, location: string, repository: string): string {
  return location === '' ? repository : location + repository.slice(coveredLength(entry.prefix, repository));
}
