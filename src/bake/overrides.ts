// `--set PATTERN.KEY=VALUE`: which targets it is for, and what it changes. `+=` adds to lists instead of
// replacing them. --push, --load, --pull, --no-cache, --sbom and --provenance are short for such values.
import { ATTEST, CACHE, type EntryKind, EXPORT, SECRET, SSH } from './attributes/entries.ts';
import { EntryProblem } from './attributes/key-values.ts';
import type { ExportEntry, TargetFields } from './bake-target.ts';
import type { Config } from './definition/config.ts';
import { matchPattern } from './match-pattern.ts';
import { type BakeProblem, plainProblem } from './problem.ts';
import { unknownTarget } from './unknown-target.ts';

interface Override {
  readonly values: string[];
  /** Some values were given with `+=` only. */
  append: boolean;
}

/** Key with its sub-name (`args.X`) → values. */
export type TargetOverrides = Map<string, Override>;
export type Overrides = Map<string, TargetOverrides>;

const NAMED_KEYS = ['args', 'contexts', 'labels', 'extra-hosts', 'x-tsbuild'];
const KEYS = [
  ...NAMED_KEYS,
  'annotations',
  'attest',
  'cache-from',
  'cache-to',
  'call',
  'context',
  'dockerfile',
  'entitlements',
  'load',
  'network',
  'no-cache',
  'no-cache-filter',
  'output',
  'platform',
  'pull',
  'push',
  'secrets',
  'shm-size',
  'ssh',
  'tags',
  'target',
  'ulimits',
];

const fail = (message: string, hint?: string): BakeProblem => plainProblem('bake/override', message, hint);

export function parseOverrides(
  items: readonly string[],
  config: Config,
  environment: Readonly<Record<string, string | undefined>>,
): Overrides {
  const overrides: Overrides = new Map();
  for (const item of items) {
    const equals = item.indexOf('=');
    const append = equals > 0 && item[equals - 1] === '+';
    const path = equals === -1 ? item : item.slice(0, append ? equals - 1 : equals);
    const [pattern = '', key = '', ...more] = path.split('.');
    const name = more.join('.');
    if (key === '') throw fail(`--set ${JSON.stringify(item)} names no attribute`, 'write it as --set TARGET.KEY=VALUE');
    if (!KEYS.includes(key)) throw fail(`--set cannot change ${JSON.stringify(key)}`, `it changes ${KEYS.join(', ')}`);
    if (NAMED_KEYS.includes(key) && name === '')
      throw fail(`--set ${JSON.stringify(item)}: ${key} needs a name`, `write it as --set ${pattern}.${key}.NAME=VALUE`);
    if (equals === -1 && key !== 'args') throw fail(`--set ${JSON.stringify(item)} has no value`, 'write it as --set TARGET.KEY=VALUE');
    const targets = matchTargets(config, pattern);
    const value = equals === -1 ? environment[name] : item.slice(equals + 1);
    if (value === undefined) continue;
    for (const target of targets) addOverride(overrides, target, name === '' ? key : `${key}.${name}`, value, append);
  }
  return overrides;
}

function addOverride(overrides: Overrides, target: string, key: string, value: string, append: boolean): void {
  const own = overrides.get(target) ?? new Map<string, Override>();
  overrides.set(target, own);
  const known = own.get(key) ?? { values: [], append: true };
  known.values.push(value);
  known.append &&= append;
  own.set(key, known);
}

/** Names that a pattern stands for; a plain name is itself. */
function matchTargets(config: Config, pattern: string): readonly string[] {
  if (config.targets.has(pattern)) return [pattern];
  const names = [...config.targets.keys()].filter((name) => matchPattern(pattern, name));
  if (names.length === 0) {
    if (/[*?[]/.test(pattern)) throw fail(`--set: no target matches ${JSON.stringify(pattern)}`);
    throw unknownTarget(config, pattern);
  }
  return names;
}

/** Whether an override is for some target of `config`. */
export function hasTarget(item: string, config: Config): boolean {
  const pattern = item.split(/[.=]/, 1)[0] ?? '';
  return config.targets.has(pattern) || [...config.targets.keys()].some((name) => matchPattern(pattern, name));
}

export function applyOverrides(fields: TargetFields, overrides: TargetOverrides | undefined): TargetFields {
  if (overrides === undefined) return fields;
  let result = fields;
  for (const [path, override] of overrides) {
    const dot = path.indexOf('.');
    const key = dot === -1 ? path : path.slice(0, dot);
    try {
      result = applyOverride(result, key, dot === -1 ? '' : path.slice(dot + 1), override);
    } catch (error) {
      if (error instanceof EntryProblem) throw fail(`--set ${path}: ${error.message}`);
      throw error;
    }
  }
  return exportOverrides(result, overrides);
}

function applyOverride(fields: TargetFields, key: string, name: string, override: Override): TargetFields {
  const last = override.values.at(-1) ?? '';
  const texts = (before: readonly string[] | undefined): readonly string[] => [
    ...(override.append ? (before ?? []) : []),
    ...override.values,
  ];
  const entries = <T>(kind: EntryKind<T>, before: readonly T[] | undefined): readonly T[] => [
    ...(override.append ? (before ?? []) : []),
    ...override.values.filter((value) => value !== '').map((value) => kind.fromText(value)),
  ];
  const entry = <T>(before: ReadonlyMap<string, T> | undefined, value: T): ReadonlyMap<string, T> =>
    new Map([...(before ?? []), [name, value]]);
  switch (key) {
    case 'args':
      return { ...fields, args: entry<string | null>(fields.args, last) };
    case 'labels':
      return { ...fields, labels: entry<string | null>(fields.labels, last) };
    case 'contexts':
      return { ...fields, contexts: entry(fields.contexts, last) };
    case 'extra-hosts':
      return { ...fields, extraHosts: entry<string | null>(fields.extraHosts, last) };
    case 'x-tsbuild':
      return { ...fields, extension: entry<string | null>(fields.extension, last) };
    case 'annotations':
      return { ...fields, annotations: [...(fields.annotations ?? []), ...override.values] };
    case 'attest':
      return { ...fields, attest: [...(fields.attest ?? []), ...entries(ATTEST, undefined)] };
    case 'cache-from':
      return { ...fields, cacheFrom: entries(CACHE, fields.cacheFrom) };
    case 'cache-to':
      return { ...fields, cacheTo: entries(CACHE, fields.cacheTo) };
    case 'call':
      return { ...fields, call: last };
    case 'context':
      return { ...fields, context: last };
    case 'dockerfile':
      return { ...fields, dockerfile: last };
    case 'entitlements':
      return { ...fields, entitlements: [...(fields.entitlements ?? []), ...override.values] };
    case 'network':
      return { ...fields, network: last };
    case 'no-cache':
      return { ...fields, noCache: boolOf(last) };
    case 'no-cache-filter':
      return { ...fields, noCacheFilter: texts(fields.noCacheFilter) };
    case 'output':
      return { ...fields, output: entries(EXPORT, fields.output) };
    case 'platform':
      return { ...fields, platforms: texts(fields.platforms) };
    case 'pull':
      return { ...fields, pull: boolOf(last) };
    case 'secrets':
      return { ...fields, secret: entries(SECRET, fields.secret) };
    case 'shm-size':
      return { ...fields, shmSize: last };
    case 'ssh':
      return { ...fields, ssh: entries(SSH, fields.ssh) };
    case 'tags':
      return { ...fields, tags: texts(fields.tags) };
    case 'target':
      return { ...fields, target: last };
    case 'ulimits':
      return { ...fields, ulimits: texts(fields.ulimits) };
    default:
      return fields;
  }
}

function boolOf(text: string): boolean {
  if (/^(1|t|T|true|TRUE|True)$/.test(text)) return true;
  if (/^(0|f|F|false|FALSE|False)$/.test(text)) return false;
  throw new EntryProblem(`${JSON.stringify(text)} is not true or false`);
}

/** load and push change the outputs that all other overrides left. */
function exportOverrides(fields: TargetFields, overrides: TargetOverrides): TargetFields {
  const asked = (key: string): boolean | null => {
    const value = overrides.get(key)?.values.at(-1);
    return value === undefined ? null : boolOf(value);
  };
  const load = asked('load');
  const push = asked('push');
  if (load === null && push === null) return fields;
  const loaded = load === true ? withLoad(fields.output ?? []) : (fields.output ?? []);
  const output = push === null ? loaded : push ? withPush(loaded) : withoutPush(loaded);
  return { ...fields, output };
}

/** Into the local engine as well, unless some output is files. */
function withLoad(outputs: readonly ExportEntry[]): readonly ExportEntry[] {
  for (const output of outputs) {
    if (output.type === 'docker' && output.dest === undefined) return outputs;
    if (!['docker', 'image', 'registry', 'oci'].includes(output.type)) return outputs;
  }
  return [...outputs, { type: 'docker', attributes: new Map() }];
}

/** Images are pushed; when there are only loads, or nothing, a push is added. */
function withPush(outputs: readonly ExportEntry[]): readonly ExportEntry[] {
  const pushed = outputs.map((output) =>
    output.type === 'image' ? { ...output, attributes: new Map([...output.attributes, ['push', 'true']]) } : output,
  );
  if (!outputs.every((output) => output.type === 'docker')) return pushed;
  return [...pushed, { type: 'image', attributes: new Map([['push', 'true']]) }];
}

const withoutPush = (outputs: readonly ExportEntry[]): readonly ExportEntry[] =>
  outputs
    .filter((output) => output.type !== 'registry')
    .map((output) => (output.type === 'image' ? { ...output, attributes: new Map([...output.attributes, ['push', 'false']]) } : output));
