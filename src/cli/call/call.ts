// `tsbuild --call=check|outline|targets` and `--check`: answers about a Dockerfile without building it,
// in the shapes of `docker buildx build --call`, and as SARIF or GitHub annotations (section 11).
import { relative, resolve } from 'node:path';
import { checkBuild, outlineBuild, targetsOfBuild } from '../../build/inspect-build.ts';
import type { BuildRequest } from '../../build/request/build-request.ts';
import { indexLines, type SourceFile, type Span } from '../../core/span.ts';
import type { Cli } from '../commands/command.ts';
import { withSession } from '../commands/session.ts';
import { EXIT_FAILED, EXIT_OK } from '../exit-code.ts';
import { isOn, type ParsedArgs } from '../flags/flag.ts';
import { usageError } from '../flags/parse-argv.ts';
import { checkText } from './check-text.ts';
import { type Finding, findingsOf } from './findings.ts';

const CALLS = ['check', 'outline', 'targets'] as const;
const FORMATS = ['text', 'json', 'sarif', 'github'] as const;

export interface Call {
  readonly name: (typeof CALLS)[number];
  readonly format: (typeof FORMATS)[number];
}

/** Null when the image is to be built: no --call, or `--call=build`. */
export function callOf(args: ParsedArgs): Call | null {
  const [word = '', ...fields] = (args.values.get('call') ?? (isOn(args, 'check') ? 'check' : 'build')).split(',');
  if (isOn(args, 'check') && args.values.has('call') && word !== 'check' && word !== 'lint')
    throw usageError('build', `--check contradicts --call=${word}`);
  const name = word === 'lint' ? 'check' : word;
  const asked = args.values.get('format') ?? fields.find((field) => field.startsWith('format='))?.slice('format='.length);
  if (name === 'build' && asked === undefined) return null;
  const known = CALLS.find((call) => call === name);
  if (known === undefined) throw usageError('build', `--call is build, ${CALLS.join(', ')}, not ${JSON.stringify(word)}`);
  const format = FORMATS.find((candidate) => candidate === (asked ?? 'text'));
  if (format === undefined) throw usageError('build', `the format of --call is one of ${FORMATS.join(', ')}, not ${JSON.stringify(asked)}`);
  if (known !== 'check' && (format === 'sarif' || format === 'github'))
    throw usageError('build', `--call=${known} has the formats text and json, not ${format}`);
  return { name: known, format };
}

/** Resolves to the exit code: 1 when a check finds anything, as in Docker; advice alone does not count. */
export function runCall(call: Call, args: ParsedArgs, request: BuildRequest, cli: Cli): Promise<number> {
  return withSession(cli, isolationOption(args), async (session) => {
    switch (call.name) {
      case 'check': {
        const { file, instructions, diagnostics } = await checkBuild(session, request);
        const findings = findingsOf(diagnostics);
        const shown = indexLines({ ...file, name: displayPath(request, file.name, cli.cwd) });
        cli.print(await checkOutput(call.format, findings, shown, instructions));
        return findings.some((finding) => finding.kind !== 'advice') ? EXIT_FAILED : EXIT_OK;
      }
      case 'outline': {
        const { outlineJson, outlineText } = await import('./outline.ts');
        const { file, outline } = await outlineBuild(session, request);
        cli.print(call.format === 'json' ? outlineJson(outline, indexLines(file)) : outlineText(outline));
        return EXIT_OK;
      }
      case 'targets': {
        const { targetsJson, targetsText } = await import('./targets.ts');
        const { file, targets } = await targetsOfBuild(session, request);
        cli.print(call.format === 'json' ? targetsJson(targets, indexLines(file)) : targetsText(targets));
        return EXIT_OK;
      }
    }
  });
}

/** People read the text; what programs read is loaded for them. */
async function checkOutput(
  format: Call['format'],
  findings: readonly Finding[],
  file: SourceFile,
  instructions: readonly Span[],
): Promise<string> {
  switch (format) {
    case 'text':
      return checkText(findings, file);
    case 'json':
      return (await import('./check-json.ts')).checkJson(findings, file, instructions);
    case 'sarif':
      return (await import('./sarif.ts')).sarifLog(findings, file);
    case 'github':
      return (await import('./github.ts')).githubAnnotations(findings, file);
  }
}

function isolationOption(args: ParsedArgs): { readonly isolation?: string } {
  const isolation = args.values.get('isolation');
  return isolation === undefined ? {} : { isolation };
}

/** Where an editor finds the Dockerfile, relative to the working directory; as it is when it came from stdin or a URL. */
function displayPath({ dockerfile, context }: BuildRequest, name: string, cwd: string): string {
  if (dockerfile === '-' || context === '-' || /^[a-z+]+:\/\//.test(context)) return name;
  return relative(cwd, resolve(cwd, name)) || name;
}
