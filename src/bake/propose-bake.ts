// A bake file for Dockerfiles that were found: one target each, under names that depend on nothing but
// their paths.
import { sha256Hex } from '../core/digest.ts';
import { displayText } from '../core/display-text.ts';
import { jsonText } from './cty/json.ts';
import { compareText } from './cty/value.ts';

export interface ProposedTarget {
  /** Of the Dockerfile, relative to the bake file. */
  readonly path: string;
  /** The same; '.' is the directory of the bake file. */
  readonly context: string;
  /** Lines of comment. */
  readonly notes: readonly string[];
}

export interface SkippedFile {
  readonly path: string;
  readonly reason: string;
}

export function proposeBake(targets: readonly ProposedTarget[], skipped: readonly SkippedFile[]): string {
  const names = targetNames(targets.map(({ path }) => path));
  const named = targets.map((target) => ({ ...target, name: names.get(target.path) ?? '' })).sort((a, b) => compareText(a.name, b.name));
  const head = [
    `# Proposed by "tsbuild bake --discover" from ${targets.length} Dockerfile${targets.length === 1 ? '' : 's'}: save it as docker-bake.hcl and make it yours.`,
    ...skipped.map(({ path, reason }) => comment(`Left out: ${path}: ${reason}`)),
  ];
  const group = `group "default" {\n  targets = [\n${named.map(({ name }) => `    ${quoted(name)},\n`).join('')}  ]\n}`;
  return `${[head.join('\n'), group, ...named.map(targetBlock)].join('\n\n')}\n`;
}

function targetBlock({ name, path, context, notes }: ProposedTarget & { readonly name: string }): string {
  const dockerfile = context === '.' ? path : path.slice(context.length + 1);
  const attributes: readonly (readonly [string, string])[] = [
    ['context', quoted(context)],
    ...(dockerfile === 'Dockerfile' ? [] : [['dockerfile', quoted(dockerfile)] as const]),
    ['tags', `[${quoted(name)}]`],
  ];
  const width = Math.max(...attributes.map(([key]) => key.length));
  const lines = attributes.map(([key, value]) => `  ${key.padEnd(width)} = ${value}`);
  return [...notes.map(comment), `target ${quoted(name)} {`, ...lines, '}'].join('\n');
}

const comment = (text: string): string => `# ${displayText(text)}`;

/** As a literal: `${` and `%{` begin templates. */
const quoted = (text: string): string => jsonText(text).replace(/[$%]\{/g, (opening) => `${opening.charAt(0)}${opening}`);

/**
 * Directories and what the file name adds, in small letters: `services/web/Dockerfile.dev` is
 * `services-web-dev`. Paths that would have one name all get a part of their hash.
 */
export function targetNames(paths: readonly string[]): ReadonlyMap<string, string> {
  const plain = new Map(paths.map((path) => [path, plainName(path)]));
  const counts = new Map<string, number>();
  for (const name of plain.values()) counts.set(name, (counts.get(name) ?? 0) + 1);
  // A target called default would be what the group of that name stands for.
  const isTaken = (name: string): boolean => name === 'default' || (counts.get(name) ?? 0) > 1;
  return new Map([...plain].map(([path, name]) => [path, isTaken(name) ? `${name}-${sha256Hex(path).slice(0, 6)}` : name]));
}

const KIND = '(?:[Dd]ockerfile|Containerfile)';

function plainName(path: string): string {
  const slash = path.lastIndexOf('/');
  const file = path
    .slice(slash + 1)
    .replace(new RegExp(`^${KIND}(?:\\.|$)`), '')
    .replace(new RegExp(`\\.${KIND}$`), '');
  const words = `${path.slice(0, Math.max(0, slash))}/${file}`.toLowerCase().replace(/[^a-z0-9]+/g, '-');
  return words.replace(/^-|-$/g, '') || 'root';
}
