// Reading of each kind of entry, from CSV text and from an object, and which of them are the same.

import type { AttestEntry, CacheEntry, ExportEntry, SecretEntry, SshEntry } from '../bake-target.ts';
import { isEntries, isItems, type Value } from '../cty/value.ts';
import { csvFields, EntryProblem, keyValues, members } from './key-values.ts';

export interface EntryKind<T> {
  fromText(text: string): T;
  fromValue(value: Value): T;
  /** Equal for entries that are one. */
  identity(entry: T): string;
}

const without = (pairs: ReadonlyMap<string, string>, ...keys: readonly string[]): Map<string, string> =>
  new Map([...pairs].filter(([key]) => !keys.includes(key)));

const sorted = (pairs: ReadonlyMap<string, string>): string => JSON.stringify([...pairs].sort(([a], [b]) => (a < b ? -1 : 1)));

function cacheOf(pairs: ReadonlyMap<string, string>, shown: string): CacheEntry {
  const type = pairs.get('type') ?? '';
  if (type === '') throw new EntryProblem(`a cache needs a type${shown}: type=registry, local, inline, gha, s3 or azblob`);
  return { type, attributes: without(pairs, 'type') };
}

/** `user/app` alone is a registry cache. */
export const CACHE: EntryKind<CacheEntry> = {
  fromText(text) {
    const fields = csvFields(text);
    const [only = ''] = fields;
    if (fields.length === 1 && !only.includes('=')) return { type: 'registry', attributes: new Map([['ref', only]]) };
    return cacheOf(keyValues(text, fields), ` in ${JSON.stringify(text)}`);
  },
  fromValue: (value) => cacheOf(members(value), ''),
  identity: (entry) => `${entry.type} ${sorted(entry.attributes)}`,
};

function exportOf(pairs: ReadonlyMap<string, string>, shown: string): ExportEntry {
  const type = pairs.get('type') ?? '';
  if (type === '') throw new EntryProblem(`an output needs a type${shown}: image, registry, docker, oci, local, tar or cacheonly`);
  const dest = pairs.get('dest');
  return { type, ...(dest === undefined || dest === '' ? {} : { dest }), attributes: without(pairs, 'type', 'dest') };
}

/** A path alone is a directory, `-` a tar on stdout. */
export const EXPORT: EntryKind<ExportEntry> = {
  fromText(text) {
    const fields = csvFields(text);
    if (fields.length === 1 && fields[0] === text && !text.startsWith('type='))
      return { type: text === '-' ? 'tar' : 'local', dest: text, attributes: new Map() };
    return exportOf(keyValues(text, fields), ` in ${JSON.stringify(text)}`);
  },
  fromValue: (value) => exportOf(members(value), ''),
  identity: (entry) => `${entry.type} ${entry.dest ?? ''} ${sorted(entry.attributes)}`,
};

const SECRET_KEYS = ['type', 'id', 'src', 'source', 'env'];

function secretOf(pairs: ReadonlyMap<string, string>): SecretEntry {
  const type = pairs.get('type');
  for (const key of pairs.keys())
    if (!SECRET_KEYS.includes(key))
      throw new EntryProblem(`a secret has no field ${JSON.stringify(key)}: fields are id, src, env and type`);
  if (type !== undefined && type !== 'file' && type !== 'env')
    throw new EntryProblem(`the type of a secret is file or env, not ${JSON.stringify(type)}`);
  const file = pairs.get('src') ?? pairs.get('source') ?? '';
  const env = pairs.get('env') ?? '';
  const moved = type === 'env' && env === '';
  const [src, variable] = moved ? ['', file] : [file, env];
  return { id: pairs.get('id') ?? '', ...(src === '' ? {} : { src }), ...(variable === '' ? {} : { env: variable }) };
}

export const SECRET: EntryKind<SecretEntry> = {
  fromText: (text) => secretOf(keyValues(text)),
  fromValue: (value) => secretOf(members(value)),
  identity: (entry) => JSON.stringify([entry.id, entry.src ?? '', entry.env ?? '']),
};

/** `default`, or `id=socket-or-key,…`. */
export const SSH: EntryKind<SshEntry> = {
  fromText(text) {
    const at = text.indexOf('=');
    if (at === -1) return { id: text, paths: [] };
    return { id: text.slice(0, at), paths: text.slice(at + 1).split(',') };
  },
  fromValue(value) {
    if (!isEntries(value.payload)) throw new EntryProblem('text or an object is needed');
    const id = value.payload.get('id')?.payload;
    const paths = value.payload.get('paths')?.payload ?? null;
    if (typeof id !== 'string') throw new EntryProblem('an ssh entry needs an id');
    if (paths !== null && !isItems(paths)) throw new EntryProblem('paths of an ssh entry are a list');
    return { id, paths: (paths ?? []).map((path) => String(path.payload)) };
  },
  identity: (entry) => JSON.stringify([entry.id, ...entry.paths]),
};

function attestOf(pairs: ReadonlyMap<string, string>): AttestEntry {
  const type = pairs.get('type') ?? '';
  if (type === '') throw new EntryProblem('an attestation needs a type: provenance or sbom');
  const disabled = pairs.get('disabled');
  if (disabled !== undefined && !/^(1|t|T|true|TRUE|True|0|f|F|false|FALSE|False)$/.test(disabled))
    throw new EntryProblem(`disabled is true or false, not ${JSON.stringify(disabled)}`);
  return { type, disabled: disabled !== undefined && /^[1tT]/.test(disabled), attributes: without(pairs, 'type', 'disabled') };
}

/** One per type; the last one counts. */
export const ATTEST: EntryKind<AttestEntry> = {
  fromText: (text) => attestOf(keyValues(text)),
  fromValue: (value) => attestOf(members(value)),
  identity: (entry) => entry.type,
};

/** `--provenance VALUE` and `--sbom VALUE`: `true`, `false` or fields. */
export function attestShorthand(type: 'provenance' | 'sbom', value: string): string {
  if (/^(1|t|T|true|TRUE|True)$/.test(value)) return `type=${type}`;
  if (/^(0|f|F|false|FALSE|False)$/.test(value)) return `type=${type},disabled=true`;
  return `type=${type},${value}`;
}
