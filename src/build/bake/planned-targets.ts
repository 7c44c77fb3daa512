// Targets of a bake that are looked at, not built: their requests and plans. A target that another one has as
// context is planned for its configuration, so that what is based on it can be planned, too.
import { resolve } from 'node:path';
import type { BakeTarget } from '../../bake/bake-target.ts';
import { linkedName } from '../../bake/target-graph.ts';
import type { OpenDirectories } from '../../context/open-directories.ts';
import { hasErrors } from '../../core/diagnostic.ts';
import { digestOf, sha256Hex } from '../../core/digest.ts';
import { formatPlatform } from '../../core/platform.ts';
import type { BuildPlan } from '../../graph/image-plan.ts';
import { parseDockerfile } from '../../parser/parse-dockerfile.ts';
import type { ImageFact, ImageQuery } from '../../planner/facts.ts';
import { BaseImages } from '../base-images.ts';
import { openInputs } from '../build-inputs.ts';
import { planWithFacts } from '../plan-build-loop.ts';
import type { RegistryAccess } from '../registry-access.ts';
import { RemoteSources } from '../remote/remote-sources.ts';
import { type BuildRequest, DockerfileError } from '../request/build-request.ts';
import { planOptions } from '../run-build.ts';
import type { Session } from '../session.ts';
import { isRemote, targetRequest } from './target-request.ts';

export interface PlanningOptions {
  readonly targets: ReadonlyMap<string, BakeTarget>;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly workingDirectory: string;
  readonly directories: OpenDirectories;
}

/** Host of names that linked targets have in plans. */
const PLANNED_HOST = 'planned.invalid';

export class PlannedTargets {
  readonly #session: Session;
  readonly #options: PlanningOptions;
  readonly #images: BaseImages;
  readonly #plans = new Map<string, Promise<BuildPlan>>();
  /** By the name that a target has as a context. */
  readonly #linked: ReadonlyMap<string, BakeTarget>;

  constructor(session: Session, registry: RegistryAccess, options: PlanningOptions) {
    this.#session = session;
    this.#options = options;
    this.#images = new BaseImages(session, registry, false);
    this.#linked = new Map([...options.targets.values()].map((target) => [referenceOf(target.name), target]));
  }

  /** For looking at its Dockerfile; throws 'bake/unsupported'. */
  request(target: BakeTarget): BuildRequest {
    const linked = new Map<string, string>();
    for (const source of target.contexts?.values() ?? []) {
      const name = linkedName(source);
      if (name !== null) linked.set(name, `docker-image://${referenceOf(name)}`);
    }
    const { environment, workingDirectory } = this.#options;
    const allow = ['network.host', 'security.insecure'];
    return absolute(targetRequest(plannable(target), { environment, workingDirectory, allow, linked }), workingDirectory);
  }

  /** Throws what a build would throw that cannot be planned. */
  plan(target: BakeTarget): Promise<BuildPlan> {
    const known = this.#plans.get(target.name);
    if (known !== undefined) return known;
    const plan = this.#makePlan(target);
    this.#plans.set(target.name, plan);
    plan.catch(() => undefined);
    return plan;
  }

  async #makePlan(target: BakeTarget): Promise<BuildPlan> {
    const request = this.request(target);
    const remotes = new RemoteSources(this.#session, request);
    try {
      const inputs = await openInputs(this.#session, request, remotes, this.#options.directories);
      try {
        const { ast, diagnostics } = parseDockerfile(inputs.dockerfile);
        if (hasErrors(diagnostics)) throw new DockerfileError(inputs.dockerfile, diagnostics);
        const planned = await planWithFacts(ast, planOptions(request, inputs), (query) => this.image(query));
        if (planned.type === 'failed') throw new DockerfileError(inputs.dockerfile, planned.diagnostics);
        return planned.plan;
      } finally {
        inputs.close();
      }
    } finally {
      await remotes.close();
    }
  }

  /** Of a base image, or of a target as it would be built. */
  async image(query: ImageQuery): Promise<ImageFact> {
    const target = this.#linked.get(query.reference);
    if (target === undefined) return (await this.#images.resolve(query)).fact;
    const { images } = await this.plan(target);
    const wanted = formatPlatform(query.platform);
    const image = images.find(({ platform }) => formatPlatform(platform) === wanted) ?? images[0];
    const config = { ...(image?.platform ?? query.platform), ...(image === undefined ? {} : { config: image.config }) };
    return { manifest: digestOf(query.reference), config: { ...config, rootfs: { type: 'layers', diff_ids: [] } } };
  }
}

/** With paths that do not depend on where this process runs. */
function absolute(request: BuildRequest, workingDirectory: string): BuildRequest {
  const path = (text: string): string => (isRemote(text) ? text : resolve(workingDirectory, text));
  const { context, dockerfile, namedContexts } = request;
  return {
    ...request,
    context: path(context),
    // Of a remote context it is a path in there.
    ...(dockerfile === undefined || isRemote(context) ? {} : { dockerfile: path(dockerfile) }),
    namedContexts: Object.fromEntries(Object.entries(namedContexts).map(([name, source]) => [name, path(source)])),
  };
}

/** Names of targets have capitals, names of images not. */
const referenceOf = (target: string): string => `${PLANNED_HOST}/${sha256Hex(target)}:latest`;

/** Without what says where results go and what steps may use: it does not change what is read. */
function plannable(target: BakeTarget): BakeTarget {
  const {
    attest: _attest,
    annotations: _annotations,
    cacheFrom: _from,
    cacheTo: _to,
    output: _output,
    secret: _secret,
    ssh: _ssh,
    ...rest
  } = target;
  return rest;
}
