// Resolved targets as JSON, byte for byte as `docker buildx bake --print` writes them.
import type { BakeGroup, BakeTarget, CacheEntry, ExportEntry } from './bake-target.ts';
import { jsonText } from './cty/json.ts';
import { compareText } from './cty/value.ts';

/** Maps are for names from users: objects would move names that look like numbers to the front. */
type Json = string | number | boolean | null | readonly Json[] | { readonly [key: string]: Json | undefined } | ReadonlyMap<string, Json>;

/** `remote` is the URL that the definition came from. */
export function printBake(groups: readonly BakeGroup[], targets: readonly BakeTarget[], remote: string | null = null): string {
  return printTargets(groups, targets, (target) => targetJson(target, remote));
}

/** The same as `build` of each target, beside its answer to --call; answers are by name, and JSON of our own. */
export function printCalls(
  groups: readonly BakeGroup[],
  targets: readonly BakeTarget[],
  answers: ReadonlyMap<string, { readonly call: string; readonly text: string }>,
  remote: string | null = null,
): string {
  return printTargets(groups, targets, (target) => {
    const answered = answers.get(target.name);
    const build = ['build', targetJson(target, remote)] as const;
    if (answered === undefined) return sorted([build]);
    return sorted([build, [answered.call, sorted(Object.entries(JSON.parse(answered.text) as Readonly<Record<string, Json>>))]]);
  });
}

function printTargets(groups: readonly BakeGroup[], targets: readonly BakeTarget[], jsonOf: (target: BakeTarget) => Json): string {
  const byName = (a: { name: string }, b: { name: string }): number => compareText(a.name, b.name);
  const group = new Map(groups.toSorted(byName).map((one) => [one.name, { description: one.description, targets: one.targets }]));
  const target = new Map(targets.toSorted(byName).map((one) => [one.name, jsonOf(one)]));
  return `${encode({ ...(groups.length === 0 ? {} : { group }), target }, '')}\n`;
}

/** Members in the order in which buildx declares them; empty ones are left out. */
function targetJson(target: BakeTarget, remote: string | null): Json {
  return {
    description: filled(target.description),
    annotations: list(target.annotations?.map(escaped)),
    attest: list(
      target.attest?.map((entry) =>
        sorted([...entry.attributes, ['type', entry.type], ...(entry.disabled ? [['disabled', true] as const] : [])]),
      ),
    ),
    context: shownContext(target.context, remote),
    contexts: map(target.contexts),
    dockerfile: target.dockerfile,
    'dockerfile-inline': target.dockerfileInline === undefined ? undefined : escaped(target.dockerfileInline),
    args: map(target.args, escaped),
    labels: map(target.labels, escaped),
    tags: list(target.tags),
    'cache-from': list(target.cacheFrom?.map(cacheJson)),
    'cache-to': list(target.cacheTo?.map(cacheJson)),
    target: target.target,
    secret: list(target.secret?.map((entry) => ({ id: filled(entry.id), src: entry.src, env: entry.env }))),
    ssh: list(target.ssh?.map((entry) => ({ id: filled(entry.id), paths: list(entry.paths) }))),
    platforms: list(target.platforms),
    output: list(target.output?.map(exportJson)),
    pull: target.pull,
    'no-cache': target.noCache,
    network: target.network,
    'no-cache-filter': list(target.noCacheFilter),
    'shm-size': target.shmSize,
    ulimits: list(target.ulimits),
    call: target.call,
    entitlements: list(target.entitlements),
    'extra-hosts': map(target.extraHosts),
  };
}

/** `cwd://` is the working directory; without it, `.` is the repository of a remote definition. */
function shownContext(context: string, remote: string | null): string {
  if (context.startsWith('cwd://')) return context.slice('cwd://'.length) || '.';
  return context === '.' ? (remote ?? '.') : context;
}

/** Text that, put into HCL again, is not taken as a template. */
const escaped = (text: string): string => text.replace(/[$%]\{/g, (opening) => `${opening.charAt(0)}${opening}`);

const filled = (text: string | undefined): string | undefined => (text === '' ? undefined : text);
const list = (items: readonly Json[] | undefined): readonly Json[] | undefined =>
  items === undefined || items.length === 0 ? undefined : items;

function map(entries: ReadonlyMap<string, string | null> | undefined, shown = (text: string): string => text): Json | undefined {
  const given = [...(entries ?? [])].flatMap(([name, value]) => (value === null ? [] : [[name, shown(value)] as const]));
  return given.length === 0 ? undefined : sorted(given);
}

const sorted = (entries: readonly (readonly [string, Json])[]): Json => new Map([...entries].sort(([a], [b]) => compareText(a, b)));

const cacheJson = (entry: CacheEntry): Json => sorted([...entry.attributes, ['type', entry.type]]);
const exportJson = (entry: ExportEntry): Json =>
  sorted([...entry.attributes, ['type', entry.type], ...(entry.dest === undefined ? [] : [['dest', entry.dest] as const])]);

function encode(value: Json, indent: string): string {
  if (typeof value === 'string') return jsonText(value);
  if (value === null || typeof value === 'number' || typeof value === 'boolean') return String(value);
  const inner = `${indent}  `;
  if (Array.isArray(value) && value.length === 0) return '[]';
  if (Array.isArray(value)) return `[\n${value.map((item) => `${inner}${encode(item, inner)}`).join(',\n')}\n${indent}]`;
  const entries: Iterable<[string, Json | undefined]> = value instanceof Map ? value : Object.entries(value);
  const members = [...entries].flatMap(([name, member]) =>
    member === undefined ? [] : [`${inner}${jsonText(name)}: ${encode(member, inner)}`],
  );
  return members.length === 0 ? '{}' : `{\n${members.join(',\n')}\n${indent}}`;
}
