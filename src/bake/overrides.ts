// `--set PATTERN.KEY=VALUE`: which targets it is for, and what it changes. `+=` adds to lists instead of
// replacing them. --push, --load, --pull, --no-cache, --sbom and --provenance are short for such values.
import { EntryProblem } from './attributes/key-values.ts';
import type { ExportEntry, TargetFields } from './bake-target.ts';
import type { Config } from './definition/config.ts';
import { matchPattern } from './match-pattern.ts';
import { boolOf, CHANGES, GivenValues, NAMED_KEYS, type Override } from './override-fields.ts';
import { type BakeProblem, plainProblem } from './problem.ts';
import { unknownTarget } from './unknown-target.ts';

/** Key with its sub-name (`args.X`) → values. */
export type TargetOverrides = Map<string, Override>;
export type Overrides = Map<string, TargetOverrides>;

const KEYS = Object.keys(CHANGES);

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
    const [key = '', ...name] = path.split('.');
    try {
      result = { ...result, ...CHANGES[key]?.(result, new GivenValues(name.join('.'), override)) };
    } catch (error) {
      if (error instanceof EntryProblem) throw fail(`--set ${path}: ${error.message}`);
      throw error;
    }
  }
  return exportOverrides(result, overrides);
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
