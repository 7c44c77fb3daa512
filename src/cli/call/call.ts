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
  /** For --metadata-file, with the keys that buildx writes: the answer in both forms. */
  metadata(): Promise<Readonly<Record<string, unknown>>>;
}

/** The answer in each form; code is loaded for those that are asked for. */
type Forms = { readonly [Format in Call['format']]?: () => string | Promise<string> } & {
  readonly text: () => string | Promise<string>;
  readonly json: () => string | Promise<string>;
};

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
      return answer(
        call,
        formsOfCheck(findings, shown, instructions),
        findings.some((finding) => finding.kind !== 'advice'),
      );
    }
    case 'outline': {
      const { outlineJson, outlineText } = await import('./outline.ts');
      const { file, outline } = await outlineBuild(session, request, resolve);
      return answer(call, { text: () => outlineText(outline), json: () => outlineJson(outline, indexLines(file)) });
    }
    case 'targets': {
      const { targetsJson, targetsText } = await import('./targets.ts');
      const { file, targets } = await targetsOfBuild(session, request);
      return answer(call, { text: () => targetsText(targets), json: () => targetsJson(targets, indexLines(file)) });
    }
  }
}

async function answer({ format, ignoreStatus }: Call, forms: Forms, failed = false): Promise<Answer> {
  return {
    text: await (forms[format] ?? forms.text)(),
    code: failed && !ignoreStatus ? EXIT_FAILED : EXIT_OK,
    metadata: async () => ({
      'result.json': JSON.parse(await forms.json()) as unknown,
      ...(failed ? { 'result.statuscode': '1' } : {}),
      'result.txt': await forms.text(),
      version: '1.0.0',
    }),
  };
}

const formsOfCheck = (findings: readonly Finding[], file: SourceFile, instructions: readonly Span[]): Forms => ({
  text: () => checkText(findings, file),
  json: async () => (await import('./check-json.ts')).checkJson(findings, file, instructions),
  sarif: async () => (await import('./sarif.ts')).sarifLog(findings, file),
  github: async () => (await import('./github.ts')).githubAnnotations(findings, file),
});

/** Where an editor finds the Dockerfile, relative to the working directory; as it is when it came from stdin or a URL. */
function displayPath({ dockerfile, context }: BuildRequest, name: string, cwd: string): string {
  if (dockerfile === '-' || context === '-' || /^[a-z+]+:\/\//.test(context)) return name;
  return relative(cwd, resolvePath(cwd, name)) || name;
}
