// One build from request to outputs. The pipeline reads top to bottom: inputs, syntax, plan, layers, image.
import { type Diagnostic, hasErrors } from '../core/diagnostic.ts';
import { TsbuildError } from '../core/errors.ts';
import { hostPlatform, type Platform, parsePlatform } from '../core/platform.ts';
import type { SourceFile } from '../core/span.ts';
import type { BuildPlan } from '../graph/image-plan.ts';
import type { DockerfileAst } from '../parser/ast.ts';
import { parseDockerfile } from '../parser/parse-dockerfile.ts';
import { checkOptions } from '../planner/checks/skip.ts';
import type { ImageFact, ImageQuery, PlanOptions } from '../planner/facts.ts';
import { repeatedFiles } from './advice/repeated-files.ts';
import { BaseImages } from './base-images.ts';
import { type BuildInputs, openInputs } from './build-inputs.ts';
import { type BuiltImage, makeOutputs, openOutputs } from './outputs/outputs.ts';
import { planWithFacts } from './plan-build-loop.ts';
import { RemoteSources } from './remote/remote-sources.ts';
import { checkAnnotations } from './request/annotations.ts';
import { type BuildOutcome, type BuildRequest, DockerfileError } from './request/build-request.ts';
import { resolveGateway } from './request/host-gateway.ts';
import type { Session } from './session.ts';
import { openSharedWork, type SharedWork } from './shared-work.ts';
import { solvePlan } from './solve/solve-plan.ts';
import { StepError } from './solve/step-error.ts';
import { viewWith } from './view-with.ts';

/** `shared`: with other builds of the same command, which closes it. */
export const runBuild = (session: Session, request: BuildRequest, shared?: SharedWork): Promise<BuildOutcome> =>
  withPlan(session, request, buildPlan, { shared });

/** Beyond what the request says. */
export interface PlanExtras extends Pick<PlanOptions, 'surroundings'> {
  readonly shared?: SharedWork | undefined;
}

/** Opens what the request names and plans it; `body` has it open. Errors: DockerfileError, and those of inputs and base images. */
export function withPlan<T>(session: Session, request: BuildRequest, body: PlanBody<T>, extras: PlanExtras = {}): Promise<T> {
  const { shared, ...options } = extras;
  return withInputs(
    session,
    request,
    async (opened) => planInputs({ ...opened, request: await withContextTime(opened.request, opened.inputs) }, body, options),
    shared,
  );
}

/** Opens what the request names, without looking at the Dockerfile; `body` has it open. */
export async function withInputs<T>(
  session: Session,
  asked: BuildRequest,
  body: (opened: OpenedBuild) => Promise<T>,
  given?: SharedWork,
): Promise<T> {
  const agents = asked.sshKeys === undefined ? null : await (await import('./ssh/ssh-agents.ts')).openSshAgents(asked.sshKeys);
  const request = agents === null ? asked : viewWith(asked, { ssh: { ...asked.ssh, ...agents.sockets } });
  const shared = given ?? openSharedWork(session);
  const remotes = new RemoteSources(session, request, { tasks: shared.remotes });
  try {
    const inputs = await openInputs(session, request, remotes, shared.directories);
    try {
      return await body({ session, request, inputs, shared, remotes });
    } finally {
      inputs.close();
    }
  } finally {
    agents?.close();
    await Promise.all([remotes.close(), given === undefined ? shared.close() : undefined]);
  }
}

/** `SOURCE_DATE_EPOCH=context` is the time of the context; a context without one leaves the argument unset (Z-01). */
async function withContextTime(request: BuildRequest, inputs: BuildInputs): Promise<BuildRequest> {
  const { SOURCE_DATE_EPOCH: epoch, ...others } = request.buildArgs;
  if (epoch !== 'context') return request;
  const time = await inputs.time();
  const buildArgs = time === null ? others : { ...others, SOURCE_DATE_EPOCH: String(time) };
  return viewWith(request, { buildArgs });
}

async function planInputs<T>(opened: OpenedBuild, body: PlanBody<T>, extras: Pick<PlanOptions, 'surroundings'>): Promise<T> {
  const { session, request, inputs, shared } = opened;
  const file = inputs.dockerfile;
  const { ast, diagnostics: syntax } = parseDockerfile(file);
  if (hasErrors(syntax)) throw new DockerfileError(file, syntax);
  noticeSyntax(session, ast);
  const images = new BaseImages(session, shared.registry, request.pull, shared.images);
  const options = { ...planOptions(request, inputs), ...extras };
  const planned = await planWithFacts(ast, options, (query) => factAt(file, images, query));
  const { settle } = checkOptions(ast, request.buildArgs);
  const warnings = [...settle(syntax), ...planned.diagnostics];
  if (planned.type === 'failed' || hasErrors(warnings)) throw new DockerfileError(file, warnings);
  for (const diagnostic of warnings) session.emit({ type: 'diagnostic', diagnostic });
  return body({ ...opened, images, file, warnings, settle }, planned.plan);
}

/** An image that cannot be had is a failure of the line that names it. */
async function factAt(file: SourceFile, images: BaseImages, query: ImageQuery): Promise<ImageFact> {
  try {
    return (await images.resolve(query)).fact;
  } catch (cause) {
    if (!(cause instanceof TsbuildError)) throw cause;
    throw new StepError({ label: `metadata of ${query.reference}`, file, span: query.span, logTail: [], logPath: null, cause });
  }
}

/** There is one frontend; files written for Docker's own versions are ours, others are built all the same, with a word. */
function noticeSyntax(session: Session, ast: DockerfileAst): void {
  const syntax = ast.directives.find((directive) => directive.name === 'syntax')?.value.split(/\s/, 1)[0];
  if (syntax === undefined || /^(?:(?:docker\.io\/)?docker\/dockerfile(?:-upstream)?(?:[:@].*)?|dockerfile\.v0)$/.test(syntax)) return;
  session.emit({ type: 'notice', message: `# syntax=${syntax} names another frontend; the Dockerfile is built as Docker's own language` });
}

export interface OpenedBuild {
  readonly session: Session;
  readonly request: BuildRequest;
  readonly inputs: BuildInputs;
  readonly shared: SharedWork;
  readonly remotes: RemoteSources;
}

export interface BuildParts extends OpenedBuild {
  readonly images: BaseImages;
  readonly file: SourceFile;
  readonly warnings: readonly Diagnostic[];
  /** Drops the checks that the file mutes. */
  readonly settle: (diagnostics: readonly Diagnostic[]) => Diagnostic[];
}

export type PlanBody<T> = (parts: BuildParts, plan: BuildPlan) => Promise<T>;

async function buildPlan(parts: BuildParts, plan: BuildPlan): Promise<BuildOutcome> {
  const { session, request } = parts;
  const { registry } = parts.shared;
  const { cacheExports = [] } = request;
  const exports = cacheExports.length === 0 ? null : await import('./cache-mounts/export-caches.ts');
  exports?.checkTransfers(plan, cacheExports);
  checkAnnotations(
    [request, ...request.outputs].flatMap((part) => ('annotations' in part ? (part.annotations ?? []) : [])),
    plan.images.map((image) => image.platform),
  );
  const outputs = await openOutputs({ session, request, registry }, plan.images[0]?.epoch);
  const solved = await solvePlan(parts, plan, outputs);
  const built: BuiltImage[] = plan.images.map((image, at) => ({ plan: image, layers: solved[at]?.layers ?? [] }));
  const result = await makeOutputs(outputs, built);
  await exports?.exportCaches(session, registry, cacheExports);
  const advice = parts.settle(repeatedFiles(session, plan, solved));
  return { ...result, file: parts.file, warnings: [...parts.warnings, ...advice] };
}

export function planOptions(request: BuildRequest, inputs: BuildInputs): PlanOptions {
  const host = hostPlatform(process.arch);
  const platforms: readonly Platform[] =
    request.platforms.length === 0 ? [host] : request.platforms.map((text) => (text === 'local' ? host : parsePlatform(text, host)));
  return {
    platforms,
    implicitPlatform: request.platforms.length === 0,
    buildPlatform: host,
    ...(request.target === undefined ? {} : { target: request.target }),
    buildArgs: request.buildArgs,
    labels: request.labels,
    noCache: request.noCache ? true : request.noCacheFilter.length > 0 ? request.noCacheFilter : false,
    namedContexts: inputs.named,
    hiddenBy: (path) => inputs.local('').hiddenBy?.(path) ?? null,
    network: request.network,
    // Asking for host networking on the command line is the permission.
    allow: request.network === 'host' ? [...request.allow, 'network.host'] : request.allow,
    addHosts: resolveGateway(request.addHosts, request.network),
    ...(request.shmSize === undefined ? {} : { shmSize: request.shmSize }),
    ulimits: request.ulimits,
    ...(request.cgroupParent === undefined ? {} : { cgroupParent: request.cgroupParent }),
    ...(request.memory === undefined ? {} : { memory: request.memory }),
    ...(request.cpus === undefined ? {} : { cpus: request.cpus }),
  };
}
