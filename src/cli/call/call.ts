// `tsbuild --call=check|outline|targets` and `--check`: answers about a Dockerfile without building it,
// in the shapes of `docker buildx build --call`, and as SARIF or GitHub annotations (section 11).
import { relative, resolve as resolvePath } from 'node:path';
import { checkBuild, outlineBuild, type ResolveImage, targetsOfBuild } from '../../build/inspect-build.ts';
import type { BuildRequest } from '../../build/request/build-request.ts';
import type { Session } from '../../build/session.ts';
import { indexLines, type SourceFile, type Span } from '../../core/span.ts';
import { EXIT_FAILED, EXIT_OK } from '../exit-code.ts';
import { checkText } from './check-text.ts';
import { type Finding, findingsOf } from './findings.ts';
import type { Call } from './parse-call.ts';

export interface Answer {
  readonly text: string;
  /** 1 when a check finds anything, as in Docker; advice alone does not count. */
  readonly code: number;
}

/** `resolve`: of base images, where not all are in registries and the store. */
export async function answerCall(
  session: Session,
  call: Call,
  request: BuildRequest,
  cwd: string,
  resolve?: ResolveImage,
): Promise<Answer> {
  switch (call.name) {
    case 'check': {
      const { file, instructions, diagnostics } = await checkBuild(session, request, resolve);
      const findings = findingsOf(diagnostics);
      const shown = indexLines({ ...file, name: displayPath(request, file.name, cwd) });
      const failed = !call.ignoreStatus && findings.some((finding) => finding.kind !== 'advice');
      return { text: await checkOutput(call.format, findings, shown, instructions), code: failed ? EXIT_FAILED : EXIT_OK };
    }
    case 'outline': {
      const { outlineJson, outlineText } = await import('./outline.ts');
      const { file, outline } = await outlineBuild(session, request, resolve);
      return { text: call.format === 'json' ? outlineJson(outline, indexLines(file)) : outlineText(outline), code: EXIT_OK };
    }
    case 'targets': {
      const { targetsJson, targetsText } = await import('./targets.ts');
      const { file, targets } = await targetsOfBuild(session, request);
      return { text: call.format === 'json' ? targetsJson(targets, indexLines(file)) : targetsText(targets), code: EXIT_OK };
    }
  }
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

/** Where an editor finds the Dockerfile, relative to the working directory; as it is when it came from stdin or a URL. */
function displayPath({ dockerfile, context }: BuildRequest, name: string, cwd: string): string {
  if (dockerfile === '-' || context === '-' || /^[a-z+]+:\/\//.test(context)) return name;
  return relative(cwd, resolvePath(cwd, name)) || name;
}
