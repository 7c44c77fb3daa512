// A case of fixtures/differential: case.json, a context and an optional setup.sh. Preparing one makes
// a private copy of its context whose recent times are replaced by times that depend on paths only.
import { execFileSync } from 'node:child_process';
import {
  cpSync,
  existsSync,
  lstatSync,
  lutimesSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { crc32 } from 'node:zlib';
import type { RemoteWorld } from './remote-world.ts';

const ROOT = fileURLToPath(new URL('../../../fixtures/differential/', import.meta.url));

/** Times from July 2023 on are those of a build or a checkout, and are not compared. */
export const OLD = 1_690_000_000;

export interface CaseFile {
  /** Ids of behaviours, then a few words. */
  readonly why: string;
  /** As for `docker buildx build`; `{case}` and `{ctx}` are replaced. */
  readonly flags?: readonly string[];
  /** Instead of `ctx`: one of the servers of the remote world. */
  readonly context?: string;
  /** The build is refused with a message of Docker's that matches. */
  readonly refuse?: string;
  /** Code of our own refusal. */
  readonly code?: string;
}

export interface DifferentialCase extends CaseFile {
  readonly name: string;
  readonly path: string;
}

export interface PreparedCase {
  /** A directory, or a URL. */
  readonly context: string;
  readonly flags: readonly string[];
  dispose(): void;
}

/** Sorted by name. */
export function differentialCases(): DifferentialCase[] {
  const names = readdirSync(ROOT, { withFileTypes: true }).filter((entry) => entry.isDirectory());
  return names
    .map(({ name }) => ({ name, path: join(ROOT, name), ...(JSON.parse(readFileSync(join(ROOT, name, 'case.json'), 'utf8')) as CaseFile) }))
    .sort((a, b) => (a.name < b.name ? -1 : 1));
}

/** Ids of behaviours that the case shows. */
export const idsOf = ({ why }: CaseFile): string[] => why.split(' ').filter((word) => /^[A-Z]-\d\d$/.test(word));

export const expectedPath = (one: DifferentialCase): string => join(one.path, 'expected.txt');

/** Names of servers in flags and Dockerfiles become those of `world`. */
export function prepareCase(one: DifferentialCase, world: RemoteWorld): PreparedCase {
  const dir = mkdtempSync(join(tmpdir(), 'tsbuild-differential-'));
  // Docker keeps what it was sent under the name of the directory, and loses times of directories when it is sent more.
  const context = join(dir, `ctx-${basename(dir)}`);
  cpSync(join(one.path, 'ctx'), context, { recursive: true, verbatimSymlinks: true, preserveTimestamps: true });
  const dockerfile = join(context, 'Dockerfile');
  if (existsSync(dockerfile)) rewrite(dockerfile, world);
  for (const { path, mode } of walk(context)) if (mode !== null) execFileSync('chmod', [mode, path]);
  const setup = join(one.path, 'setup.sh');
  if (existsSync(setup)) execFileSync('sh', ['-e', setup], { cwd: context, stdio: 'pipe' });
  pinTimes(dir);
  const flags = (one.flags ?? []).map((flag) => world.located(flag).replaceAll('{case}', one.path).replaceAll('{ctx}', context));
  return {
    context: one.context === undefined ? context : world.located(one.context),
    flags,
    dispose: () => rmSync(dir, { recursive: true, force: true }),
  };
}

function rewrite(path: string, world: RemoteWorld): void {
  const before = readFileSync(path, 'latin1');
  const after = world.located(before);
  if (after !== before) writeFileSync(path, after, 'latin1');
}

/** Modes that a checkout's umask may have changed; null for links. */
function walk(root: string): { readonly path: string; readonly mode: string | null }[] {
  const out: { path: string; mode: string | null }[] = [{ path: root, mode: '755' }];
  for (const entry of readdirSync(root, { withFileTypes: true, recursive: true })) {
    const path = join(entry.parentPath, entry.name);
    const wanted = entry.isDirectory() ? 0o755 : 0o644;
    const right = entry.isSymbolicLink() || (statSync(path).mode & 0o7777) === wanted;
    if (!right) out.push({ path, mode: wanted.toString(8) });
  }
  return out;
}

function pinTimes(root: string): void {
  const paths = readdirSync(root, { withFileTypes: true, recursive: true }).map((entry) => join(entry.parentPath, entry.name));
  // Deepest first, so that nothing touches a directory again.
  for (const path of [...paths.sort((a, b) => b.length - a.length), root]) {
    if (lstatSync(path).mtimeMs / 1000 < OLD) continue;
    const time = 1_500_000_000 + (crc32(relative(root, path).replace(/^ctx-[^/]*/, 'ctx') || '.') % 10_000_000);
    lutimesSync(path, time, time);
  }
}
