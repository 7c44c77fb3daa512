// Looks at a Dockerfile without building it (section 11): the same parsing and planning as a build,
// with base images resolved, so that what it finds is what a build would say.

import type { Diagnostic } from '../core/diagnostic.ts';
import { hasErrors, sortDiagnostics } from '../core/diagnostic.ts';
import { hostPlatform } from '../core/platform.ts';
import type { SourceFile, Span } from '../core/span.ts';
import { parseDockerfile } from '../parser/parse-dockerfile.ts';
import { checkOptions } from '../planner/checks/skip.ts';
import type { ImageFact, ImageQuery } from '../planner/facts.ts';
import { listTargets, type TargetInfo } from '../planner/list-targets.ts';
import { type Outline, OutlineRecorder } from '../planner/outline.ts';
import { secretFiles } from './advice/secret-files.ts';
import { BaseImages } from './base-images.ts';
import { planWithFacts } from './plan-build-loop.ts';
import { type BuildRequest, DockerfileError } from './request/build-request.ts';
import { type OpenedBuild, planOptions, withInputs } from './run-build.ts';
import type { Session } from './session.ts';

export type { TargetInfo } from '../planner/list-targets.ts';
export type { Outline, OutlineArg, OutlineItem } from '../planner/outline.ts';

/** Answers about base images, where they are not all in registries and the store. */
export type ResolveImage = (query: ImageQuery) => Promise<ImageFact>;

export interface Inspected {
  readonly file: SourceFile;
  /** Places of the instructions, in order. */
  readonly instructions: readonly Span[];
  /** In source order, errors and warnings. */
  readonly diagnostics: readonly Diagnostic[];
}

/** Checks every stage, or what the target needs when one is asked for (S-01). */
export function checkBuild(session: Session, request: BuildRequest, resolve?: ResolveImage): Promise<Inspected> {
  return withInputs(session, request, async (opened) => {
    const { inputs } = opened;
    const file = inputs.dockerfile;
    const { ast, diagnostics: syntax } = parseDockerfile(file);
    const settled = checkOptions(ast, request.buildArgs).settle(syntax);
    const instructions = ast.instructions.map(({ span }) => span);
    if (hasErrors(syntax)) return { file, instructions, diagnostics: sortDiagnostics(settled) };
    const options = { ...planOptions(request, inputs), everyStage: request.target === undefined };
    const planned = await planWithFacts(ast, options, resolve ?? baseImages(opened));
    const copied = planned.type === 'ready' ? secretFiles(planned.plan, inputs.local('')) : [];
    const advice = checkOptions(ast, request.buildArgs).settle(copied);
    return { file, instructions, diagnostics: sortDiagnostics([...settled, ...planned.diagnostics, ...advice]) };
  });
}

/** What can be given to a build of the target (S-02). Throws DockerfileError when there are errors. */
export function outlineBuild(
  session: Session,
  request: BuildRequest,
  resolve?: ResolveImage,
): Promise<{ readonly file: SourceFile; readonly outline: Outline }> {
  return withInputs(session, request, async (opened) => {
    const { inputs } = opened;
    const file = inputs.dockerfile;
    const { ast, diagnostics } = parseDockerfile(file);
    if (hasErrors(diagnostics)) throw new DockerfileError(file, diagnostics);
    const recorder = new OutlineRecorder(ast);
    const planned = await planWithFacts(ast, planOptions(request, inputs), resolve ?? baseImages(opened), recorder);
    if (planned.type === 'failed') throw new DockerfileError(file, planned.diagnostics);
    return { file, outline: recorder.outline() };
  });
}

function baseImages({ session, request, shared }: OpenedBuild): ResolveImage {
  const images = new BaseImages(session, shared.registry, request.pull, shared.images);
  return async (query) => (await images.resolve(query)).fact;
}

/** The stages that can be built (S-03); nothing is resolved. Throws DockerfileError when there are errors. */
export function targetsOfBuild(
  session: Session,
  request: BuildRequest,
): Promise<{ readonly file: SourceFile; readonly targets: readonly TargetInfo[] }> {
  return withInputs(session, request, async ({ inputs }) => {
    const file = inputs.dockerfile;
    const { ast, diagnostics } = parseDockerfile(file);
    if (hasErrors(diagnostics)) throw new DockerfileError(file, diagnostics);
    return { file, targets: listTargets(ast, request.buildArgs, hostPlatform(process.arch)) };
  });
}
