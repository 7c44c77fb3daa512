// Which definition files a bake reads, through a small port so that tests and remote definitions can
// bring their own.
import { TsbuildError } from '../core/errors.ts';
import type { SourceFile } from '../core/span.ts';
import type { Environment } from './definition/variable-value.ts';

export interface DefinitionSource {
  /** Text of a file, `-` is stdin; null when there is no such file. */
  read(name: string): string | null;
}

/** In the order in which they are merged. */
const DEFAULT_FILES = [
  'compose.yaml',
  'compose.yml',
  'docker-compose.yml',
  'docker-compose.yaml',
  'docker-bake.json',
  'docker-bake.hcl',
  'docker-bake.override.json',
  'docker-bake.override.hcl',
];

/** `names` are those of -f; without any, BUILDX_BAKE_FILE or the files that have a known name. */
export function readDefinitionFiles(names: readonly string[], environment: Environment, source: DefinitionSource): SourceFile[] {
  const given = names.length > 0 ? names : filesOfEnvironment(environment);
  if (given.length > 0) return given.map((name) => ({ name, text: source.read(name) ?? missing(name) }));
  const found = DEFAULT_FILES.flatMap((name) => {
    const text = source.read(name);
    return text === null ? [] : [{ name, text }];
  });
  if (found.length > 0) return found;
  throw new TsbuildError({
    code: 'bake/no-file',
    message: 'no definition file here',
    hint: 'bake reads docker-bake.hcl, docker-bake.json or compose.yaml; name another file with -f',
  });
}

function filesOfEnvironment(environment: Environment): readonly string[] {
  const names = environment['BUILDX_BAKE_FILE'];
  if (names === undefined || names === '') return [];
  return names.split(environment['BUILDX_BAKE_PATH_SEPARATOR'] ?? ':').filter((name) => name !== '');
}

const missing = (name: string): never => {
  throw new TsbuildError({ code: 'bake/no-file', message: `cannot read ${name}: no such file`, hint: 'name the definition file with -f' });
};
