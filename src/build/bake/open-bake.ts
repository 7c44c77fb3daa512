// Reads the definition files of a bake from disk and resolves them: where the pure part of bake meets
// the file system, the clock and the YAML parser.
import { readFileSync, statSync } from 'node:fs';
import { resolve } from 'node:path';
import type { YamlModule } from '../../bake/compose/yaml-port.ts';
import { readDefinitionFiles } from '../../bake/definition-files.ts';
import { type BakeRequest, type BakeResult, type LoadedBake, loadBake, needsYaml, resolveBake } from '../../bake/resolve-bake.ts';
import { type KnownTargets, resolveKnown } from '../../bake/resolve-known.ts';
import { errnoOf, TsbuildError } from '../../core/errors.ts';
import { formatPlatform, hostPlatform } from '../../core/platform.ts';
import type { SourceFile } from '../../core/span.ts';
import { definitionPath, type RemoteDefinition } from './remote-definition.ts';

export { printBake, printCalls } from '../../bake/print-bake.ts';
export { type BakeDiagnostic, BakeProblem } from '../../bake/problem.ts';
export { shorthandOverrides } from '../../bake/resolve-bake.ts';
export { shardTargets } from '../../bake/shard-targets.ts';

export interface OpenBakeOptions {
  /** -f as typed. */
  readonly files: readonly string[];
  readonly targets: readonly string[];
  readonly overrides: readonly string[];
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly workingDirectory: string;
  /** Where the files come from, when not from the working directory. */
  readonly remote?: RemoteDefinition;
  /** Reads definition files in another way, for an earlier state of them. */
  readonly read?: (name: string) => string | null;
  /** Text of `-f -`, for whoever opens it several times: a stream can be read once. */
  readonly stdin?: () => string;
  /** Hears of every file of this machine that is read, or looked for. */
  readonly onRead?: (path: string) => void;
  /** What timestamp() gives; now unless given. */
  readonly time?: Date;
}

/** A definition file is a page or two. */
const LARGEST = 16 * 1024 * 1024;

export async function openBake(options: OpenBakeOptions): Promise<BakeResult> {
  return resolveBake(await requestOf(options));
}

/** The named targets as each is by itself, without those that are not defined. */
export async function openTargets(options: OpenBakeOptions): Promise<KnownTargets> {
  return resolveKnown(await requestOf(options));
}

/** Everything that the files define, for lists. Throws BakeProblem. */
export async function loadDefinitions(options: OpenBakeOptions): Promise<LoadedBake> {
  return loadBake(await requestOf(options));
}

async function requestOf(options: OpenBakeOptions): Promise<BakeRequest> {
  const read = options.read ?? ((name: string): string | null => readText(name, options));
  const files = definitionFiles(options, read);
  return {
    files,
    read,
    targets: options.targets,
    overrides: options.overrides,
    environment: options.environment,
    localPlatform: formatPlatform(hostPlatform(process.arch)),
    now: (options.time ?? new Date()).toISOString().replace(/\.\d+Z$/, 'Z'),
    ...(needsYaml(files) ? { yaml: await loadYaml() } : {}),
  };
}

/** A URL that is a definition file comes first; with it, -f is for files of this machine. */
function definitionFiles({ remote, files, environment }: OpenBakeOptions, read: (name: string) => string | null): SourceFile[] {
  if (remote?.text === undefined) return readDefinitionFiles(files, environment, { read });
  const local = files.length === 0 ? [] : readDefinitionFiles(files, environment, { read });
  return [{ name: remote.url, text: remote.text }, ...local];
}

/** The package is CommonJS: bundled, all it has is its default export. */
async function loadYaml(): Promise<YamlModule> {
  const loaded: YamlModule & { readonly default?: YamlModule } = await import('yaml');
  return loaded.default ?? loaded;
}

function readText(name: string, { workingDirectory, remote, onRead, stdin }: OpenBakeOptions): string | null {
  try {
    if (name === '-') return stdin?.() ?? readFileSync(0, 'utf8');
    const local = name.startsWith('cwd://');
    const directory = remote === undefined ? workingDirectory : remote.directory;
    if (directory === null && !local) return null;
    const path =
      local || remote === undefined || directory === null
        ? resolve(workingDirectory, local ? name.slice('cwd://'.length) : name)
        : definitionPath(remote.url, directory, name);
    onRead?.(path);
    if (statSync(path).size > LARGEST)
      throw new TsbuildError({ code: 'bake/no-file', message: `${name} is too large for a definition file` });
    return readFileSync(path, 'utf8');
  } catch (error) {
    if (error instanceof TsbuildError) throw error;
    const errno = errnoOf(error);
    if (errno === 'ENOENT' || errno === 'ENOTDIR') return null;
    throw new TsbuildError({ code: 'bake/no-file', message: `cannot read ${name} (${errno ?? 'unknown error'})`, cause: error });
  }
}
