// One case of fixtures/plan: a Dockerfile, the options and image configs of facts.json, and the plan.
import type { ImageConfig } from '../../src/core/descriptor.ts';
import { digestOf } from '../../src/core/digest.ts';
import { formatPlatform, parsePlatform } from '../../src/core/platform.ts';
import { parseDockerfile } from '../../src/parser/parse-dockerfile.ts';
import { type ImageFact, type NamedContext, type PlanOptions, type PlanResult, queryKey } from '../../src/planner/facts.ts';
import { planBuild } from '../../src/planner/plan-build.ts';

export interface CaseFile {
  readonly options?: Partial<Omit<PlanOptions, 'platforms' | 'buildPlatform'>> & {
    readonly platforms?: readonly string[];
    readonly namedContexts?: Readonly<Record<string, NamedContext>>;
  };
  /** Config of each image by normalised reference, or by reference and platform (`ref linux/arm64`). */
  readonly images?: Readonly<Record<string, Partial<ImageConfig>>>;
}

export const BUILD_PLATFORM = parsePlatform('linux/amd64');

export function caseOptions({ options = {} }: CaseFile): PlanOptions {
  const { platforms = ['linux/amd64'], ...rest } = options;
  return {
    platforms: platforms.map((text) => parsePlatform(text)),
    buildPlatform: BUILD_PLATFORM,
    buildArgs: {},
    labels: {},
    noCache: false,
    namedContexts: {},
    network: 'default',
    allow: [],
    addHosts: [],
    ulimits: [],
    ...rest,
  };
}

/** Answers queries from the case until the plan is ready; an image without a config stays a need. */
export function planCase(text: string, file: CaseFile = {}): PlanResult {
  const { ast, diagnostics } = parseDockerfile({ name: 'Dockerfile', text });
  const errors = diagnostics.filter((diagnostic) => diagnostic.severity === 'error');
  if (errors.length > 0) return { type: 'failed', diagnostics: errors };
  const images = new Map<string, ImageFact>();
  for (;;) {
    const result = planBuild(ast, caseOptions(file), { images });
    if (result.type !== 'needs') return result;
    const before = images.size;
    for (const query of result.queries) {
      const config = file.images?.[`${query.reference} ${formatPlatform(query.platform)}`] ?? file.images?.[query.reference];
      if (config === undefined) continue;
      const { os, architecture, variant } = query.platform;
      const platform = { os, architecture, ...(variant !== undefined && { variant }) };
      const complete = { ...platform, rootfs: { type: 'layers' as const, diff_ids: [] }, ...config };
      images.set(queryKey(query), { manifest: digestOf(queryKey(query)), config: complete });
    }
    if (images.size === before) return result;
  }
}
