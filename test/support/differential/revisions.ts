// fixtures/differential/revisions.txt: for each recorded case under which revisions of its steps
// (src/graph/revisions.ts) it got its result. What Docker or tsbuild makes of the same input may only change
// together with a revision, or stores would go on giving the layers of before.
import { readdirSync, readFileSync, readlinkSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { sha256Hex } from '../../../src/core/digest.ts';
import { REVISIONS, type StepKind } from '../../../src/graph/revisions.ts';
import { type DifferentialCase, differentialCases, expectedPath } from './case.ts';

const LEDGER = fileURLToPath(new URL('../../../fixtures/differential/revisions.txt', import.meta.url));

export interface RecordedResult {
  /** Digest of the context and flags. */
  readonly inputs: string;
  /** Digest of what was recorded about layers and files; configuration is made anew by every build. */
  readonly layers: string;
  /** Of the steps that the case may hold. */
  readonly revisions: Readonly<Record<string, number>>;
}

/** By name of the case. */
export type RevisionLedger = Readonly<Record<string, RecordedResult>>;

/** One line a case: `name inputs layers KIND=revision…`. */
export function readLedger(): RevisionLedger {
  const lines = readFileSync(LEDGER, 'utf8').split('\n').filter(Boolean);
  return Object.fromEntries(
    lines.map((line) => {
      const [name = '', inputs = '', layers = '', ...revisions] = line.split(' ');
      const numbers = revisions.map((pair) => pair.split('=')).map(([kind = '', number]) => [kind, Number(number)]);
      return [name, { inputs, layers, revisions: Object.fromEntries(numbers) }];
    }),
  );
}

export function writeLedger(ledger: RevisionLedger): void {
  const lines = Object.entries(ledger).map(([name, { inputs, layers, revisions }]) =>
    [name, inputs, layers, ...Object.entries(revisions).map((pair) => pair.join('='))].join(' '),
  );
  writeFileSync(LEDGER, `${lines.join('\n')}\n`);
}

/** What fixtures and revisions say now; cases that are refused make no layers. */
export function currentResults(): RevisionLedger {
  const results: Record<string, RecordedResult> = {};
  for (const one of differentialCases()) if (one.refuse === undefined) results[one.name] = resultOf(one);
  return results;
}

/** Null when `now` may stand in place of `before`; else what is wrong. */
export function complaintAbout(name: string, before: RecordedResult | undefined, now: RecordedResult): string | null {
  if (before === undefined || before.inputs !== now.inputs || before.layers === now.layers) return null;
  const kinds = Object.keys(now.revisions);
  const raised = kinds.some((kind) => (now.revisions[kind] ?? 0) > (before.revisions[kind] ?? 0));
  return raised ? null : `${name}: other layers than before under the same cache keys; raise the revision of ${kinds.join(' or ')}`;
}

const short = (text: string): string => sha256Hex(text).slice(0, 16);

function resultOf(one: DifferentialCase): RecordedResult {
  const files = filesOf(one.path);
  const layers = readFileSync(expectedPath(one), 'utf8')
    .split('\n')
    .filter((line) => !/^(image|author|created|config|history) /.test(line));
  return {
    inputs: short(JSON.stringify([one.flags, one.context, files])),
    layers: short(layers.join('\n')),
    revisions: Object.fromEntries(kindsIn(files.map(([, text]) => text).join('\n')).map((kind) => [kind, REVISIONS[kind]])),
  };
}

/** Steps that a Dockerfile among the texts could have; all for a case whose Dockerfile is elsewhere. */
function kindsIn(text: string): StepKind[] {
  const all = Object.keys(REVISIONS) as StepKind[];
  const found = all.filter((kind) => new RegExp(`^\\s*(ONBUILD\\s+)?${kind}\\b`, 'im').test(text));
  return found.length === 0 ? all : found;
}

/** Path and text of everything that the case brings along. */
function filesOf(root: string): (readonly [string, string])[] {
  return readdirSync(root, { withFileTypes: true, recursive: true })
    .map((entry) => [relative(root, join(entry.parentPath, entry.name)), entry] as const)
    .filter(([path]) => path !== 'expected.txt' && path !== 'case.json')
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([path, entry]) => [path, textOf(join(root, path), entry)]);
}

const textOf = (path: string, entry: { isFile(): boolean; isSymbolicLink(): boolean }): string =>
  entry.isFile() ? readFileSync(path, 'latin1') : entry.isSymbolicLink() ? readlinkSync(path) : '';
