// A bake fixture: a directory with definition files, and optionally args.txt (one argument per line) and
// env.txt (NAME=VALUE lines). expected.json is what `docker buildx bake --print` prints for it;
// expected.txt stands for a refusal and holds what tsbuild says; conflicts.txt what it says before a build.
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import * as yaml from 'yaml';
import { readDefinitionFiles } from '../../src/bake/definition-files.ts';
import { printBake } from '../../src/bake/print-bake.ts';
import type { BakeDiagnostic } from '../../src/bake/problem.ts';
import { resolveBake } from '../../src/bake/resolve-bake.ts';
import { bakeOverrides } from '../../src/cli/bake-options.ts';
import { BAKE_COMMAND } from '../../src/cli/flags/bake.ts';
import { COMMON_FLAGS } from '../../src/cli/flags/common.ts';
import { listOf } from '../../src/cli/flags/flag.ts';
import { parseArgv } from '../../src/cli/flags/parse-argv.ts';
import { TsbuildError } from '../../src/core/errors.ts';
import { renderDiagnostic } from '../../src/core/render-diagnostic.ts';

export interface BakeCase {
  readonly args: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
}

const lines = (path: string): string[] =>
  existsSync(path)
    ? readFileSync(path, 'utf8')
        .split('\n')
        .filter((line) => line !== '')
    : [];

export function readBakeCase(directory: string): BakeCase {
  const environment = lines(join(directory, 'env.txt')).map(
    (line) => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)] as const,
  );
  return { args: lines(join(directory, 'args.txt')), environment: Object.fromEntries(environment) };
}

export interface BakeCaseResult {
  readonly json: string | null;
  /** Errors, or else warnings, as shown. */
  readonly messages: string;
  /** What keeps it from being built although it can be printed. */
  readonly conflicts: string;
}

const shown = (diagnostics: readonly BakeDiagnostic[]): string =>
  diagnostics
    .map(({ diagnostic, file }) => `${renderDiagnostic(diagnostic, file ?? { name: '-', text: '' }, { color: false })}\n`)
    .join('');

export function runBakeCase(directory: string): BakeCaseResult {
  const { args, environment } = readBakeCase(directory);
  const parsed = parseArgv(BAKE_COMMAND, args, COMMON_FLAGS);
  const read = (name: string): string | null => (existsSync(join(directory, name)) ? readFileSync(join(directory, name), 'utf8') : null);
  try {
    const files = readDefinitionFiles(listOf(parsed, 'file'), environment, { read });
    const result = resolveBake({
      files,
      read,
      yaml,
      targets: parsed.positionals,
      overrides: bakeOverrides(parsed),
      environment,
      localPlatform: 'linux/amd64',
      now: '2026-01-02T03:04:05Z',
    });
    return {
      json: result.diagnostics.some(({ diagnostic }) => diagnostic.severity === 'error') ? null : printBake(result.groups, result.targets),
      messages: shown(result.diagnostics),
      conflicts: shown(result.conflicts),
    };
  } catch (error) {
    if (error instanceof TsbuildError) return { json: null, messages: `error[${error.code}]: ${error.message}\n`, conflicts: '' };
    throw error;
  }
}
