// Targets by name in a state of the definition that may not have all of them: what --affected compares.
// Each is resolved as if it had been asked for, so that two states can be compared attribute by attribute.

import type { BakeTarget } from './bake-target.ts';
import { jsonText } from './cty/json.ts';
import { compareText } from './cty/value.ts';
import { hasTarget } from './overrides.ts';
import { BakeProblem } from './problem.ts';
import { type BakeRequest, loadBake, resolveTargets } from './resolve-bake.ts';

export interface KnownTargets {
  readonly targets: ReadonlyMap<string, BakeTarget>;
  /** Why there are none; null when the definition could be evaluated. */
  readonly problem: string | null;
}

/** `request.targets` are names, no patterns; overrides of targets that do not exist are left out. */
export function resolveKnown(request: BakeRequest): KnownTargets {
  try {
    const { config } = loadBake(request);
    const names = request.targets.filter((name) => config.targets.has(name));
    if (names.length === 0) return { targets: new Map(), problem: null };
    const overrides = request.overrides.filter((item) => hasTarget(item, config));
    const { targets } = resolveTargets(config, { ...request, targets: names, overrides });
    return { targets: new Map(targets.map((target) => [target.name, target])), problem: null };
  } catch (error) {
    if (error instanceof BakeProblem) return { targets: new Map(), problem: error.diagnostic.message };
    if (error instanceof RangeError) return { targets: new Map(), problem: 'it is nested too deeply' };
    throw error;
  }
}

/** Not part of what is built. */
const APART: readonly string[] = ['name', 'description', 'linked', 'call', 'extension'];

/** The first attribute in which two states of a target differ, as bake files name it (`args.TAG`); null when they are equal. */
export function changedAttribute(now: BakeTarget, before: BakeTarget): string | null {
  const [a, b] = [new Map(Object.entries(now)), new Map(Object.entries(before))];
  for (const key of [...new Set([...a.keys(), ...b.keys()])].sort(compareText)) {
    if (APART.includes(key)) continue;
    const [value, earlier]: unknown[] = [a.get(key), b.get(key)];
    if (canonical(value) === canonical(earlier)) continue;
    const name = key.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
    const entry = value instanceof Map || earlier instanceof Map ? changedEntry(value, earlier) : null;
    return entry === null ? name : `${name}.${entry}`;
  }
  return null;
}

function changedEntry(now: unknown, before: unknown): string | null {
  const [a, b] = [now instanceof Map ? now : new Map(), before instanceof Map ? before : new Map()];
  const names = [...new Set([...a.keys(), ...b.keys()])].map(String).sort(compareText);
  return names.find((name) => canonical(a.get(name)) !== canonical(b.get(name))) ?? null;
}

/** Absent, empty and null are one: they build the same. */
function canonical(value: unknown): string {
  if (value === undefined || value === null) return '';
  if (typeof value === 'string') return jsonText(value);
  if (Array.isArray(value)) return value.length === 0 ? '' : `[${value.map(canonical).join(',')}]`;
  if (value instanceof Map) return entriesText([...value]);
  return typeof value === 'object' ? entriesText(Object.entries(value)) : String(value);
}

function entriesText(entries: readonly (readonly [unknown, unknown])[]): string {
  const texts = entries.map(([name, value]) => [String(name), canonical(value)] as const).filter(([, text]) => text !== '');
  if (texts.length === 0) return '';
  return `{${texts
    .map(([name, text]) => `${jsonText(name)}:${text}`)
    .sort(compareText)
    .join(',')}}`;
}
